/** The consumer of a shard: takes records in order through their pipelines, in slices, and checkpoints as it goes. */
import type { AlertControl } from '../model/alert.ts';
import { LIMITS } from '../model/limits.ts';
import { clientKey } from '../model/partition.ts';
import type { Push } from '../model/push.ts';
import type { LogReader, StoredRecord } from '../ports/metric-log.ts';
import { decodeRecord, type LogEntry, type ShapeInterner } from '../protocols/log-record.ts';
import { Checkpointer, type CheckpointerDependencies } from './checkpointer.ts';
import type { Pipeline } from './pipeline.ts';
import { Slices } from './slices.ts';

/** A record just appended, still decoded; a tick has no push. */
export interface FreshRecord {
  readonly offset: number;
  readonly partition: number;
  readonly appendMs: number;
  readonly push: Push | undefined;
  /** What alert rules are told; undefined in all but a few. */
  readonly control?: AlertControl | undefined;
  /** Of the client that pushed; empty for a tick. */
  readonly key: string;
  readonly bytes: number;
}

export interface ConsumerDependencies extends CheckpointerDependencies {
  readonly log: LogReader;
  readonly shapes: ShapeInterner;
  /** Told of every record, in replay too, once it has been taken. */
  consumed(record: FreshRecord): void;
  /** Told of a record that cannot be read, before it is passed over. */
  poison?(bytes: Uint8Array, reason: string): void;
}

export class Consumer {
  readonly #deps: ConsumerDependencies;
  readonly #slices: Slices;
  readonly #saver: Checkpointer;
  /** The next offset to take. */
  #next = 0;
  #tail: FreshRecord[] = [];
  #tailBytes = 0;
  /** The offset that `offer` has to go on with: the one after all that was taken or is queued. */
  #expected = 0;
  #running: Promise<void> | undefined;
  /** Lost records before this offset have been told. */
  #lostTold = 0;
  failed: unknown;

  constructor(deps: ConsumerDependencies) {
    this.#deps = deps;
    this.#slices = new Slices(deps.clock);
    this.#saver = new Checkpointer(deps, this.#slices);
  }

  get position(): number {
    return this.#next;
  }

  get headBytes(): number {
    return this.#saver.headBytes;
  }

  /** Everything before this may be deleted from the log. */
  get safeOffset(): number {
    return this.#saver.safeOffset;
  }

  /** The log is past its size: partitions let go of it as soon as they can, silent ones too. */
  set pressed(pressed: boolean) {
    this.#saver.pressed = pressed;
  }

  get caughtUp(): boolean {
    return this.#next >= this.#deps.log.end();
  }

  /** Takes over the checkpoints; call once, before anything else. @throws corrupt_data | schema_newer */
  async restore(): Promise<void> {
    await this.#saver.restore();
    this.#next = Math.min(this.#deps.log.end(), this.safeOffset);
    this.#expected = this.#next;
  }

  /** Hands over records straight from the commit, so that they need not be read back. Ignored when they do not follow on. */
  offer(records: readonly FreshRecord[]): void {
    const [first] = records;
    if (first === undefined) return;
    if (first.offset !== this.#expected || this.#tailBytes > LIMITS.tailBytesMax) return;
    for (const record of records) {
      this.#tail.push(record);
      this.#tailBytes += record.bytes;
    }
    this.#expected += records.length;
  }

  /** Starts a run unless one is under way. A failure is kept in `failed`, told, and tried again at the next kick. */
  kick(): Promise<void> {
    this.#running ??= this.#run()
      .then(() => {
        this.failed = undefined;
      })
      .catch((error: unknown) => {
        this.failed = error;
        this.#dropTail();
        this.#deps.telemetry.count('metricstream_consumer_failures_total');
        this.#deps.telemetry.log('error', 'the consumer stopped; it will try again', { error: String(error) });
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  #dropTail(): void {
    this.#tail = [];
    this.#tailBytes = 0;
    this.#expected = this.#next;
  }

  async #run(): Promise<void> {
    this.#slices.begin();
    for (;;) {
      const taking = this.#take();
      const records = taking instanceof Promise ? await taking : taking;
      if (records.length === 0) break;
      // Where the log is elsewhere the store is, too: then many clients are asked about at once.
      if (taking instanceof Promise) await this.#prepareAll(records);
      for (const record of records) {
        const pending = this.#one(record);
        if (pending !== undefined) await pending;
        const over = this.#slices.step();
        if (over !== undefined) await over;
      }
      const crowded = this.#deps.sink.settled?.(LIMITS.sinkPointsWaitingMax);
      if (crowded !== undefined) await crowded;
      const waiting = this.#bring();
      if (waiting !== undefined) await waiting;
      await this.#saver.turn(this.#next);
      // Under load a run may not end for minutes, and what it failed at goes on.
      this.failed = undefined;
    }
    // What a run that failed has decided is not in the state of alerts any more.
    const waiting = this.#bring();
    if (waiting !== undefined) await waiting;
    await this.#saver.turn(this.#next);
  }

  /** What alert rules have decided goes off at once. @returns a promise where too much of it waits already. */
  #bring(): Promise<void> | undefined {
    const { pipelines, courier } = this.#deps;
    if (courier === undefined) return undefined;
    let waiting: Promise<void> | undefined;
    for (const { judging } of pipelines) waiting = courier.bring(judging?.take() ?? []) ?? waiting;
    return waiting;
  }

  /** The records that follow, from memory where they are there, else from the log. */
  #take(): readonly FreshRecord[] | Promise<readonly FreshRecord[]> {
    const [first] = this.#tail;
    if (first !== undefined && first.offset <= this.#next) {
      const records = this.#tail;
      this.#tail = [];
      this.#tailBytes = 0;
      return records;
    }
    const reading = this.#deps.log.read(this.#next, LIMITS.readBatchBytesMax);
    if (reading instanceof Promise) return reading.then((read) => this.#freshInSlices(read));
    return this.#following(reading).map((record) => this.#fresh(record));
  }

  /** What is fetched from afar comes in megabytes. */
  async #freshInSlices(read: readonly StoredRecord[]): Promise<readonly FreshRecord[]> {
    const fresh: FreshRecord[] = [];
    for (const record of this.#following(read)) {
      fresh.push(this.#fresh(record));
      const over = this.#slices.step();
      if (over !== undefined) await over;
    }
    return fresh;
  }

  /** Records of the log, up to those that are in memory. */
  #following(read: readonly StoredRecord[]): readonly StoredRecord[] {
    const [first] = this.#tail;
    const until = first?.offset ?? Number.POSITIVE_INFINITY;
    const stored = read.filter((record) => record.offset < until);
    if (first === undefined) this.#expected = (stored[stored.length - 1]?.offset ?? this.#next - 1) + 1;
    this.#tellLost(stored);
    return stored;
  }

  #fresh({ offset, partition, appendMs, bytes, lost }: StoredRecord): FreshRecord {
    const entry = lost === true ? undefined : this.#decode(bytes, offset);
    const push = entry?.type === 'push' ? entry.push : undefined;
    const control = entry?.type === 'control' ? entry.control : undefined;
    const key = push === undefined ? '' : clientKey(push.tenant, push.client);
    return { offset, partition, appendMs, push, control, key, bytes: bytes.length };
  }

  /** Counts and tells what is lost with damaged batches: how much, since whose it was is not known. */
  #tellLost(stored: readonly StoredRecord[]): void {
    // What a run that failed has told is not told again.
    const lost = stored.filter((record) => record.lost === true && record.offset >= this.#lostTold);
    // Of offsets that follow on, the distance to their place is the same.
    for (const run of Map.groupBy(lost, ({ offset }, place) => offset - place).values()) {
      const first = run[0]?.offset ?? 0;
      this.#lostTold = first + run.length;
      this.#deps.telemetry.count('metricstream_log_records_lost_total', run.length);
      this.#deps.telemetry.log('error', 'damaged records of the log are passed over', { first, last: this.#lostTold - 1 });
    }
  }

  /** A record that cannot be read is counted and passed over: the partition goes on. */
  #decode(bytes: Uint8Array, offset: number): LogEntry | undefined {
    try {
      return decodeRecord(bytes, this.#deps.shapes);
    } catch (error) {
      this.#deps.telemetry.count('metricstream_poison_records_total');
      this.#deps.telemetry.log('error', 'a record cannot be read and is passed over', { offset, error: String(error) });
      this.#deps.poison?.(bytes, String(error));
      return undefined;
    }
  }

  /** @returns a promise only when the store has to be read first, or log time makes something due. */
  #one(record: FreshRecord): Promise<void> | undefined {
    const pipeline = this.#saver.pipelineOf(record.partition);
    if (pipeline === undefined || record.offset < this.#saver.safeOffsetOf(record.partition)) {
      this.#next = record.offset + 1;
      return undefined;
    }
    const due = record.offset >= pipeline.replayUntil ? pipeline.advanceLog(record.appendMs) : undefined;
    if (due === undefined) return this.#prepared(record, pipeline);
    return this.#slices.through(due).then(() => this.#prepared(record, pipeline));
  }

  #prepared(record: FreshRecord, pipeline: Pipeline): Promise<void> | undefined {
    const { push } = record;
    const pending = push === undefined ? undefined : pipeline.prepare(record.key, push, record.offset);
    if (pending === undefined) {
      this.#finish(record, pipeline);
      return undefined;
    }
    return pending.then(() => this.#finish(record, pipeline));
  }

  /** Reads back what the records need of clients that are known. Nothing is sealed before they have been taken. */
  async #prepareAll(records: readonly FreshRecord[]): Promise<void> {
    const byClient = [...Map.groupBy(records, ({ key }) => key)];
    const prepareSome = async (): Promise<void> => {
      for (let next = byClient.pop(); next !== undefined; next = byClient.pop()) {
        const [key, own] = next;
        const [{ partition }] = own as [FreshRecord];
        const fresh = own.filter(({ offset }) => offset >= this.#saver.safeOffsetOf(partition));
        const pushes = fresh.flatMap(({ push, offset }) => (push === undefined ? [] : [[push, offset] as const]));
        await this.#saver.pipelineOf(partition)?.prepareAll(key, pushes);
      }
    };
    await Promise.all(Array.from({ length: LIMITS.readBacksConcurrentMax }, prepareSome));
  }

  #finish(record: FreshRecord, pipeline: Pipeline): void {
    if (record.push !== undefined) pipeline.apply(record.key, record.push, record.offset);
    else if (record.control !== undefined) pipeline.control(record.control, record.offset);
    this.#next = record.offset + 1;
    this.#deps.consumed(record);
  }

  /** Tells the sink soon everything again that the heads hold. */
  retell(): void {
    this.#saver.retells = true;
    void this.kick();
  }

  /** When there is something to do, Unix ms: the next turn, where records wait or log time has moved; soon where transitions do; Infinity else. */
  nextDueMs(): number {
    // A page that could not be brought does not wait for a checkpoint.
    if (this.#deps.courier?.waits === true) return this.#deps.clock.nowMs() + LIMITS.retryMs;
    // A kick is on its way for what was just appended; should it be lost with the process, the log still has it at the next turn.
    const active = this.#saver.active();
    return this.caughtUp && active.length === 0 ? Number.POSITIVE_INFINITY : this.#saver.nextTurnMs(active);
  }

  /**
   * Takes all that is there now and checkpoints every partition: before the process ends.
   * @param sealAge as of `saveAll`: what is sealed is not replayed, and costs time now.
   */
  async drain(sealAge = 0): Promise<void> {
    const end = this.#deps.log.end();
    do await this.kick();
    while (this.#next < end && this.failed === undefined);
    const last = this.#saver.saveAll(this.#next, sealAge);
    // Kicks that come later find a run under way.
    this.#running = last;
    await last;
  }
}
