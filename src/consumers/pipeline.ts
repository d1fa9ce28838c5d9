/** What happens to one record of a partition: judged by log time alone, so that a replay does the same. */
import type { AlertControl } from '../model/alert.ts';
import { LIMITS } from '../model/limits.ts';
import { clientKey, partitionOf } from '../model/partition.ts';
import type { Push } from '../model/push.ts';
import { HOUR_MS, MINUTE_MS, windowStart } from '../model/window.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { SampleBlock, TimeSeriesStore } from '../ports/time-series-store.ts';
import type { WindowSink } from '../ports/window-sink.ts';
import type { AlertsAt } from './checkpoint.ts';
import { ClientState } from './client-state.ts';
import type { Judging } from './judging.ts';
import { filterBlock, foldSamples } from './sample-block.ts';
import { owesSeal } from './seal.ts';

export interface PipelineDependencies {
  readonly store: TimeSeriesStore;
  readonly sink: WindowSink;
  readonly telemetry: Telemetry;
  /** Left out: there are no alerts. */
  readonly judging?: Judging | undefined;
  /** Told after each ordinary push that brought samples: for the live page. */
  seen(client: ClientState, push: Push): void;
}

/** State and rules of one partition. Records go in one by one, in order; `prepare` first, `apply` when it has resolved. */
export class Pipeline {
  readonly partition: number;
  readonly clients = new Map<string, ClientState>();
  /** P: the offset after the last record that took effect. */
  position = 0;
  /** Records before this only refill heads. */
  replayUntil = 0;
  /** The offset after the last that told alert rules something. */
  controlledUntil = 0;
  /** The largest append stamp, Unix ms. */
  logMs = 0;
  readonly judging: Judging | undefined;
  readonly #deps: PipelineDependencies;
  #closedMs = 0;

  constructor(partition: number, deps: PipelineDependencies) {
    this.partition = partition;
    this.#deps = deps;
    this.judging = deps.judging;
  }

  /**
   * What has to be read from the store before a push can be applied: minutes that were sealed, or all that is known
   * of a client that memory does not know.
   * @param key of the client. @returns undefined when nothing has to be read.
   */
  prepare(key: string, push: Push, offset: number): Promise<void> | undefined {
    const client = this.clients.get(key);
    if (client === undefined) return offset < this.replayUntil ? undefined : this.#meet(key, push, offset);
    const missing = client.missingMinutes(push, offset);
    return missing === undefined ? undefined : this.#open(client, missing);
  }

  /** `prepare` for all of these of one client at once. One that memory does not know is left: when it is met is for its first record to say. */
  prepareAll(key: string, pushes: readonly (readonly [push: Push, offset: number])[]): Promise<void> | undefined {
    const client = this.clients.get(key);
    const missing = new Set(pushes.flatMap(([push, offset]) => client?.missingMinutes(push, offset) ?? []));
    return client === undefined || missing.size === 0 ? undefined : this.#open(client, [...missing]);
  }

  async #meet(key: string, push: Push, offset: number): Promise<void> {
    const storedMs = await this.#deps.store.lastSampleMs(push.tenant, push.client);
    const client = new ClientState(push.tenant, push.client, this.#closedMs, storedMs, this.#sealPhase(push));
    this.clients.set(key, client);
    const missing = client.missingMinutes(push, offset);
    if (missing !== undefined) await this.#open(client, missing);
  }

  /** Clients are sealed at times of their own, so that the work is spread. */
  #sealPhase(push: Push): number {
    return this.logMs - partitionOf(push.client, LIMITS.sealIntervalMs);
  }

  async #open(client: ClientState, minutes: readonly number[]): Promise<void> {
    // Of an hour in one go: a store elsewhere takes as long for a minute as for sixty.
    const hours = Map.groupBy(minutes, (startMs) => windowStart(startMs, HOUR_MS)).values();
    const reads = [...hours].map(async (own) => {
      const wanted = new Set(own);
      const blocks = await this.#deps.store.readSamples(client.range(Math.min(...own), Math.max(...own) + MINUTE_MS));
      for (const block of blocks) client.head.insertSealed(filterBlock(block, (ms) => wanted.has(windowStart(ms, MINUTE_MS))));
      for (const startMs of own) client.opened.add(startMs);
    });
    await Promise.all(reads);
    this.#deps.telemetry.count('metricstream_minutes_reopened_total', minutes.length);
  }

  /**
   * Moves log time. Called for every record, ticks included.
   * @returns what it makes due, step by step, to be done before anything else; undefined in the usual case.
   */
  advanceLog(appendMs: number): Iterable<void> | undefined {
    const beforeMs = this.logMs;
    if (appendMs > beforeMs) this.logMs = appendMs;
    const looks = this.judging?.advanced(beforeMs, this.logMs) === true;
    const closedMs = windowStart(this.logMs - LIMITS.windowCloseLagMs, MINUTE_MS);
    return looks || closedMs > this.#closedMs ? this.#due(looks, closedMs) : undefined;
  }

  *#due(looks: boolean, closedMs: number): Generator<void> {
    if (looks) yield* this.judging?.look(this.logMs, this.clients) ?? [];
    if (closedMs <= this.#closedMs) return;
    this.#closedMs = closedMs;
    for (const client of this.clients.values()) yield this.#advance(client);
  }

  /** A push, after `prepare`. @param offset of its record; `position` becomes the one after it. */
  apply(key: string, push: Push, offset: number): void {
    this.position = offset + 1;
    const client = this.clients.get(key);
    // In replay a client that the checkpoint does not know has nothing to refill.
    if (client === undefined) return;
    if (offset < this.replayUntil) {
      if (!client.skipped.some(([skipped]) => skipped === offset))
        client.merge(push, offset, { stored: 0, duplicate: 0, conflict: 0 }, true);
      return;
    }
    const verdict = client.ledger.observe(push.pushId, push.contentHash, push.rejected);
    const repeat = verdict === 'duplicate' || verdict === 'conflict';
    client.lastSeenMs = this.logMs;
    if (push.sentMs !== undefined) client.skewMs = push.arrivalMs - push.sentMs;
    client.datacenter = push.datacenter ?? client.datacenter;
    client.environment = push.environment ?? client.environment;
    if (repeat && push.stamped) {
      client.skipped.push([offset, Math.max(...push.timesMs)]);
      return;
    }
    const newestMs = client.lastSampleMs;
    const corrected = client.merge(push, offset, client.ledger.samples);
    if (corrected > 0) this.#deps.telemetry.count('metricstream_windows_corrected_total', corrected);
    if (this.#deps.sink.merged !== undefined) this.#tell(client, push);
    if (!repeat) this.judging?.pushed(client, push, newestMs, client.ledger.boots.at(-1)?.boot !== push.pushId?.boot, this.logMs);
    this.#advance(client);
    this.#deps.seen(client, push);
  }

  /** What a push brought, and the closed minutes that it reached back into. Of minutes that were read back the samples go with their seal. */
  #tell(client: ClientState, { timesMs }: Push): void {
    if (!client.saved) return;
    const times = timesMs.length === 1 ? timesMs : new Set(timesMs);
    const blocks: SampleBlock[] = [];
    const late = new Set<number>();
    for (const ms of times) {
      if (ms >= client.sealedThroughMs) blocks.push(client.head.samples(ms, ms + 1));
      if (ms < client.frontierMs && ms >= client.bundledHourMs) late.add(windowStart(ms, MINUTE_MS));
    }
    this.#deps.sink.merged?.({ ...client.placed(), blocks });
    for (const startMs of late) this.#tellMinute(client, startMs);
  }

  #tellMinute(client: ClientState, startMs: number): void {
    const block = client.head.samples(startMs, startMs + MINUTE_MS);
    const columns = foldSamples(block, MINUTE_MS, (series) => 1 + client.correctionsOf(series.key, startMs));
    this.#deps.sink.corrected?.({ ...client.placed(), startMs, columns, logMs: this.logMs });
  }

  /** Tells the sink step by step of everything that the heads hold, as if it came now. */
  *retell(): Generator<void> {
    for (const client of this.clients.values()) if (client.saved) yield* this.#tellAll(client);
  }

  /** A checkpoint holds all clients now: what was kept back of new ones is told, step by step. */
  *saved(): Generator<void> {
    for (const client of this.clients.values()) {
      if (client.saved) continue;
      yield* this.#tellAll(client);
      client.saved = true;
    }
  }

  /** A client that sends what it kept for a day has a hundred thousand samples in its head. */
  *#tellAll(client: ClientState): Generator<void> {
    const { sink } = this.#deps;
    if (sink.merged === undefined) return;
    const { head, sealedThroughMs, bundledHourMs, frontierMs } = client;
    for (const startMs of head.minutesIn(Math.min(sealedThroughMs, bundledHourMs), Number.POSITIVE_INFINITY)) {
      const endMs = startMs + MINUTE_MS;
      for (const ms of new Set(head.samples(Math.max(startMs, sealedThroughMs), endMs).timesMs))
        yield sink.merged({ ...client.placed(), blocks: [head.samples(ms, ms + 1)] });
      if (startMs >= bundledHourMs && startMs < frontierMs) yield this.#tellMinute(client, startMs);
    }
  }

  #advance(client: ClientState): void {
    const from = client.frontierMs;
    const to = client.advance(this.logMs, this.#closedMs);
    this.#close(client, from, to);
    if (this.judging === undefined) client.judgedMs = to;
    else this.judging.ripen(client, this.logMs);
  }

  #close(client: ClientState, from: number, to: number): void {
    if (to === from || client.head.rows === 0 || client.head.lastMs < from) return;
    for (const startMs of client.head.minutesIn(from, to)) {
      const block = client.head.samples(startMs, startMs + MINUTE_MS);
      const columns = foldSamples(block, MINUTE_MS, () => 1);
      this.#deps.sink.closed({ ...client.placed(), startMs, columns, logMs: this.logMs });
    }
  }

  /** Takes over what a checkpoint held. */
  restore(position: number, logMs: number, clients: readonly ClientState[], alerts: AlertsAt): void {
    this.position = position;
    this.replayUntil = position;
    this.logMs = logMs;
    this.#closedMs = windowStart(logMs - LIMITS.windowCloseLagMs, MINUTE_MS);
    for (const client of clients) this.clients.set(clientKey(client.tenant, client.client), client);
    this.judging?.restore(alerts);
  }

  /** Rules change, or a client is retired: from this record on. */
  control(control: AlertControl, offset: number): void {
    this.position = offset + 1;
    this.controlledUntil = offset + 1;
    // What a replay meets again is in the state that was restored.
    if (offset >= this.replayUntil) this.judging?.controlled(control, this.logMs);
  }

  /**
   * When log time has to move here although nobody pushes, Unix ms: samples wait for their window to close or to be sealed,
   * or, which has time, for their hour and day to end. Infinity where nothing waits.
   */
  tickDueMs(tickMs: number): number {
    if (this.judging?.waits === true && this.clients.size > 0) return this.logMs + tickMs;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const client of this.clients.values()) {
      if (client.head.rows > 0 || owesSeal(client)) return this.logMs + tickMs;
      if (client.bundledDayMs <= client.lastSampleMs) dueMs = this.logMs + HOUR_MS;
    }
    return dueMs;
  }

  /** The oldest hour and day, Unix ms, that are not bundled yet: until then the hour needs its samples, the day its minutes. */
  unbundledFrom(): { readonly hourMs: number; readonly dayMs: number } {
    let hourMs = Number.POSITIVE_INFINITY;
    let dayMs = Number.POSITIVE_INFINITY;
    for (const { bundledHourMs, bundledDayMs, lastSampleMs } of this.clients.values()) {
      if (bundledHourMs <= lastSampleMs) hourMs = Math.min(hourMs, bundledHourMs);
      if (bundledDayMs <= lastSampleMs) dayMs = Math.min(dayMs, bundledDayMs);
    }
    return { hourMs, dayMs };
  }

  /** Lets go of clients that have been silent for `silentMs` and of whom nothing is owed; their stored data stay. */
  forgetSilent(silentMs: number): void {
    for (const [key, client] of this.clients) {
      const silent = this.logMs - client.lastSeenMs > silentMs;
      if (silent && client.head.rows === 0 && client.bundledDayMs > client.lastSampleMs && !owesSeal(client)) {
        this.clients.delete(key);
      }
    }
  }

  /** Whether some head holds what the store does not. */
  holdsUnsealed(): boolean {
    for (const client of this.clients.values()) if (client.head.safeOffset() !== Number.POSITIVE_INFINITY) return true;
    return false;
  }

  headBytes(): number {
    let bytes = 0;
    for (const client of this.clients.values()) bytes += client.head.bytes;
    return bytes;
  }
}
