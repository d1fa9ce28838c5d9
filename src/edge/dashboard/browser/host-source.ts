/** Keeps what is known of one host over one range up to date: samples or windows from the API, then the live feed. */
import { catalogueEntry } from '../../../model/catalogue.ts';
import { MetricStreamError } from '../../../model/errors.ts';
import { LIMITS } from '../../../model/limits.ts';
import type { ClientAnswer, LiveAnswer } from '../answers.ts';
import { appendLive, type Dataset, datasetOfSamples, datasetOfWindows, firstOf } from '../dataset.ts';
import { chooseStep, type Range, readsSamples, refreshMs, type Span, spanOf } from '../ranges.ts';
import { isRetryable } from './caller.ts';
import type { Services } from './services.ts';

/** `fine`: samples at times of their own; else windows. */
export interface HostData {
  readonly series: Dataset;
  readonly fine: boolean;
}

function isTooMany(failure: unknown): boolean {
  return failure instanceof MetricStreamError && failure.code === 'too_many_points';
}

export class HostSource {
  readonly #services: Services;
  readonly #client: string;
  readonly #range: Range;
  readonly #changed: () => void;
  readonly #ended = new AbortController();
  readonly #stops: readonly (() => void)[];
  #data: HostData | undefined;
  #status: ClientAnswer | undefined;
  #known: boolean | undefined;
  #seenMs = 0;
  #units: ReadonlyMap<string, string> = new Map();
  /** What the feed brought while the first answer was on its way. */
  #early: LiveAnswer[] = [];
  #begun = false;
  readonly #running = new Set<() => Promise<void>>();

  /** @param changed called after anything new. */
  constructor(services: Services, client: string, range: Range, changed: () => void) {
    this.#services = services;
    this.#client = client;
    this.#range = range;
    this.#changed = changed;
    const refresh = refreshMs(range);
    const unlessHidden = (read: () => Promise<void>) => (): void => {
      if (!document.hidden) this.#run(read);
    };
    this.#stops = [
      services.live.open(
        { client },
        (answers) => this.#takeLive(answers),
        () => this.#begin(),
      ),
      services.every(LIMITS.pagePollMs, unlessHidden(this.#readStatus)),
      ...(refresh === undefined ? [] : [services.every(refresh, unlessHidden(this.#readData))]),
    ];
    for (const read of [this.#readData, this.#readStatus, this.#readUnits]) this.#run(read);
  }

  /** Undefined until the first answer. */
  get data(): HostData | undefined {
    return this.#data;
  }

  /** What the ledger says. */
  get status(): ClientAnswer | undefined {
    return this.#status;
  }

  /** Whether the ledger has this host; undefined until that is known. */
  get known(): boolean | undefined {
    return this.#known;
  }

  /** Unix ms, server time; 0: never. */
  get seenMs(): number {
    return this.#seenMs;
  }

  /** What the charts show: of a host that has just begun, what there is. */
  get span(): Span {
    return spanOf(this.#range, this.#services.now(), this.#data && firstOf(this.#data.series));
  }

  stop(): void {
    this.#ended.abort();
    for (const stop of this.#stops) stop();
  }

  get #wanted(): Span {
    return spanOf(this.#range, this.#services.now());
  }

  /** Each reading runs once at a time, its waiting for another try included. */
  #run(read: () => Promise<void>): void {
    const { signal } = this.#ended;
    if (signal.aborted || this.#running.has(read)) return;
    this.#running.add(read);
    const again = (): void => {
      this.#running.delete(read);
      this.#run(read);
    };
    const failed = (failure: unknown): void => {
      if (signal.aborted) return;
      this.#services.report(failure);
      if (isRetryable(failure)) this.#services.after(LIMITS.pageReopenMs, again);
      else this.#running.delete(read);
    };
    const done = (): void => {
      this.#running.delete(read);
      if (!signal.aborted) this.#changed();
    };
    read().then(done, failed);
  }

  /** A feed that comes back has missed what came in between. */
  #begin(): void {
    if (this.#begun) this.#run(this.#readData);
    this.#begun = true;
  }

  #takeLive(answers: readonly LiveAnswer[]): void {
    const mine = answers.filter(({ client_id }) => client_id === this.#client);
    for (const { seen_ms } of mine) this.#seenMs = Math.max(this.#seenMs, seen_ms);
    if (this.#data) this.#append(mine);
    else this.#early.push(...mine);
    this.#changed();
  }

  #append(answers: readonly LiveAnswer[]): void {
    if (this.#range !== 'live' || !this.#data?.fine) return;
    const unitOf = (metric: string): string => catalogueEntry(metric)?.unit ?? this.#units.get(metric) ?? '';
    for (const answer of answers) appendLive(this.#data.series, answer, this.#wanted.startMs - LIMITS.pagePollMs, unitOf);
  }

  readonly #readData = async (): Promise<void> => {
    this.#data = await this.#readRange();
    this.#append(this.#early);
    this.#early = [];
  };

  readonly #readStatus = async (): Promise<void> => {
    [this.#status] = await this.#services.api.clients(this.#client);
    this.#known = this.#status !== undefined;
    this.#seenMs = Math.max(this.#seenMs, this.#status?.last_seen ?? 0);
  };

  readonly #readUnits = async (): Promise<void> => {
    this.#units = await this.#services.api.units();
  };

  /** Samples where the range is short and they are not too many; else windows. */
  async #readRange(): Promise<HostData> {
    if (readsSamples(this.#range)) {
      const request = { client: this.#client, ...this.#wanted };
      const answer = await this.#services.api.samples(request, this.#ended.signal).catch((failure: unknown) => {
        if (!isTooMany(failure)) throw failure;
        return undefined;
      });
      if (answer) return { series: datasetOfSamples(answer), fine: true };
    }
    return { series: await this.#readWindows(0), fine: false };
  }

  /** @param coarser how many steps coarser than the finest that fits. */
  async #readWindows(coarser: number): Promise<Dataset> {
    const span = this.#wanted;
    const step = chooseStep(span.endMs - span.startMs, coarser);
    const request = { client: this.#client, fields: 'avg,min,max', ...span, ...step };
    try {
      return datasetOfWindows(await this.#services.api.windows(request, this.#ended.signal));
    } catch (failure) {
      if (!isTooMany(failure) || coarser === LIMITS.pageCoarserStepsMax) throw failure;
      return this.#readWindows(coarser + 1);
    }
  }
}
