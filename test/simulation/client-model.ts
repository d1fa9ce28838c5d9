/** What the design says of one client, worked out the simple way: sets of samples, windows folded anew, every push id kept. */
import { LIMITS } from '../../src/model/limits.ts';
import type { Push, PushId } from '../../src/model/push.ts';
import { HOUR_MS, MINUTE_MS, windowStart } from '../../src/model/window.ts';

/** One sample of a series; times are Unix ms and nanoseconds within. */
export interface ModelSample {
  readonly ms: number;
  readonly ns: number;
  value: number;
}

export interface ModelWindow {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
  readonly increase: number;
  readonly revision: number;
}

interface Minute {
  /** In time order. */
  readonly samples: ModelSample[];
  corrections: number;
  folded: ModelWindow | undefined;
}

interface Boot {
  readonly boot: string;
  /** Nothing is expected before it. */
  readonly first: number;
  highest: number;
  /** Content by sequence. */
  readonly seen: Map<number, number>;
}

/** A minute that closed: what the sink has to be told. */
export interface ModelClosing {
  readonly startMs: number;
  readonly text: string;
}

export class ClientModel {
  readonly tenant: string;
  readonly client: string;
  readonly series = new Map<string, Map<number, Minute>>();
  readonly pushes = { expected: 0, received: 0, duplicate: 0, late: 0, conflict: 0 };
  readonly samples = { stored: 0, duplicate: 0, conflict: 0 };
  readonly rejected: Record<string, number> = {};
  /** Minutes that end at or before this have closed. */
  frontierMs: number;
  lastSeenMs = 0;
  skewMs: number | null = null;
  #lastSampleMs = 0;
  readonly #boots: Boot[] = [];

  constructor(tenant: string, client: string, closedMs: number) {
    this.tenant = tenant;
    this.client = client;
    this.frontierMs = closedMs;
  }

  /** @param logMs log time. @param closedMs what it has closed. @returns the minutes that closed with it. */
  take(push: Push, logMs: number, closedMs: number): ModelClosing[] {
    const repeat = this.#count(push);
    this.lastSeenMs = logMs;
    if (push.sentMs !== undefined) this.skewMs = push.arrivalMs - push.sentMs;
    // A repeat brings the samples that had no time another one: they are not to be counted again.
    if (repeat && push.stamped) return [];
    push.shape.series.forEach((series, i) => {
      const shared = push.timesMs.length === 1 ? 0 : i;
      const ms = push.timesMs[shared] as number;
      this.#add(series.key, { ms, ns: push.timesNs?.[shared] ?? 0, value: push.values[i] as number });
      this.#lastSampleMs = Math.max(this.#lastSampleMs, ms);
    });
    return this.close(logMs, closedMs);
  }

  /** Log time has moved. @returns the minutes that closed with it. */
  close(logMs: number, closedMs: number): ModelClosing[] {
    const from = this.frontierMs;
    const watermark = Math.min(this.#lastSampleMs, logMs) - LIMITS.watermarkLagMs;
    const untilMs = Math.max(closedMs, windowStart(watermark, MINUTE_MS));
    if (untilMs <= from) return [];
    this.frontierMs = untilMs;
    const starts = new Set<number>();
    for (const minutes of this.series.values())
      for (const start of minutes.keys()) if (start >= from && start < untilMs) starts.add(start);
    return [...starts].map((startMs) => ({ startMs, text: this.#closingText(startMs) }));
  }

  window(key: string, startMs: number): ModelWindow | undefined {
    const minute = this.series.get(key)?.get(startMs);
    if (minute === undefined) return undefined;
    minute.folded ??= { ...foldInOrder(minute.samples), revision: 1 + minute.corrections };
    return minute.folded;
  }

  /** An hour is the fold of its minutes in time order. @param closedOnly leaves out open minutes. */
  hour(key: string, startMs: number, closedOnly: boolean): ModelWindow | undefined {
    let hour: ModelWindow | undefined;
    const endMs = closedOnly ? Math.min(startMs + HOUR_MS, this.frontierMs) : startMs + HOUR_MS;
    for (let minute = startMs; minute < endMs; minute += MINUTE_MS) {
      const next = this.window(key, minute);
      if (next !== undefined) hour = hour === undefined ? next : join(hour, next);
    }
    return hour;
  }

  #closingText(startMs: number): string {
    const lines = [...this.series.keys()].flatMap((key) => {
      const window = this.window(key, startMs);
      return window === undefined ? [] : [closingLine(key, window)];
    });
    return lines.sort().join(';');
  }

  #add(key: string, sample: ModelSample): void {
    let minutes = this.series.get(key);
    if (minutes === undefined) {
      minutes = new Map();
      this.series.set(key, minutes);
    }
    const start = windowStart(sample.ms, MINUTE_MS);
    let minute = minutes.get(start);
    if (minute === undefined) {
      minute = { samples: [], corrections: 0, folded: undefined };
      minutes.set(start, minute);
    }
    const held = minute.samples.find(({ ms, ns }) => ms === sample.ms && ns === sample.ns);
    if (held !== undefined) {
      if (Object.is(held.value, sample.value)) {
        this.samples.duplicate += 1;
        return;
      }
      this.samples.conflict += 1;
      if (!isAbove(sample.value, held.value)) return;
    }
    if (start < this.frontierMs && minute.samples.length > 0) minute.corrections += 1;
    minute.folded = undefined;
    if (held !== undefined) {
      held.value = sample.value;
      return;
    }
    this.samples.stored += 1;
    minute.samples.push(sample);
    minute.samples.sort((a, b) => a.ms - b.ms || a.ns - b.ns);
  }

  /** The ledger: the last 256 sequences of the last four boots. @returns whether the push id came before. */
  #count({ pushId, contentHash, rejected }: Push): boolean {
    if (pushId === undefined) {
      this.pushes.expected += 1;
      this.pushes.received += 1;
    } else {
      const previous = this.#boots.find(({ boot }) => boot === pushId.previous?.boot);
      if (previous !== undefined) this.#expect(previous, (pushId.previous?.count ?? 0) - 1);
      const boot = this.#bootOf(pushId);
      const within = boot.highest - pushId.sequence < LIMITS.sequencesPerBoot;
      const content = within ? boot.seen.get(pushId.sequence) : undefined;
      if (content !== undefined) {
        this.pushes.duplicate += 1;
        const remembered = boot.highest - pushId.sequence < LIMITS.contentHashesPerBoot;
        if (remembered && content !== contentHash) this.pushes.conflict += 1;
        return true;
      }
      if (pushId.sequence < boot.highest) this.pushes.late += 1;
      if (within && pushId.sequence >= boot.first) this.pushes.received += 1;
      this.#expect(boot, pushId.sequence);
      boot.seen.set(pushId.sequence, contentHash);
    }
    for (const [reason, count] of rejected) this.rejected[reason] = (this.rejected[reason] ?? 0) + count;
    return false;
  }

  #expect(boot: Boot, highest: number): void {
    this.pushes.expected += Math.max(0, highest - boot.highest);
    boot.highest = Math.max(boot.highest, highest);
  }

  /** A boot that may have been forgotten is expected from here on: all are known that can be, and not the one before it. */
  #bootOf({ boot: name, sequence, previous }: PushId): Boot {
    const known = this.#boots.find(({ boot }) => boot === name);
    if (known !== undefined) return known;
    const full = this.#boots.length === LIMITS.bootsPerClient;
    const first = full && this.#boots.every(({ boot }) => boot !== previous?.boot) ? sequence : 0;
    const fresh: Boot = { boot: name, first, highest: first - 1, seen: new Map() };
    this.#boots.push(fresh);
    if (this.#boots.length > LIMITS.bootsPerClient) this.#boots.shift();
    return fresh;
  }
}

/** One series of a minute that closed, as both sides spell it. */
export function closingLine(key: string, window: Omit<ModelWindow, 'revision'>): string {
  const { count, sum, min, max, first, last, increase } = window;
  return `${key} ${[count, sum, min, max, first, last, increase].map((value) => (Object.is(value, -0) ? '-0' : String(value))).join(' ')}`;
}

function isAbove(a: number, b: number): boolean {
  return a > b || (a === b && Object.is(b, -0));
}

function foldInOrder(samples: readonly ModelSample[]): Omit<ModelWindow, 'revision'> {
  const values = samples.map(({ value }) => value);
  const [first = 0] = values;
  return {
    count: values.length,
    sum: values.slice(1).reduce((sum, value) => sum + value, first),
    min: values.reduce((least, value) => (value < least ? value : least), first),
    max: values.reduce((most, value) => (value > most ? value : most), first),
    first,
    last: values[values.length - 1] ?? first,
    increase: values.reduce((sum, value, i) => sum + (i > 0 ? rise(values[i - 1] as number, value) : 0), 0),
  };
}

function rise(from: number, to: number): number {
  return to > from ? to - from : 0;
}

function join(a: ModelWindow, b: ModelWindow): ModelWindow {
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    min: b.min < a.min ? b.min : a.min,
    max: b.max > a.max ? b.max : a.max,
    first: a.first,
    last: b.last,
    increase: a.increase + (b.increase + rise(a.last, b.first)),
    revision: Math.max(a.revision, b.revision),
  };
}
