/** The model of the whole: what the durable log says, applied record by record as far as the consumer has come. */
import { LIMITS } from '../../src/model/limits.ts';
import { clientKey } from '../../src/model/partition.ts';
import type { Push } from '../../src/model/push.ts';
import { MINUTE_MS, windowStart } from '../../src/model/window.ts';
import type { StoredRecord } from '../../src/ports/metric-log.ts';
import { decodeRecord, shapeInterner } from '../../src/protocols/log-record.ts';
import { ClientModel, type ModelClosing } from './client-model.ts';

interface Entry {
  readonly offset: number;
  readonly partition: number;
  readonly appendMs: number;
  readonly push: Push | undefined;
}

interface PartitionClock {
  logMs: number;
  closedMs: number;
}

export interface LogModelOptions {
  readonly report: (violation: string) => void;
  /** Told of each push that is durable, as soon as it is. */
  readonly logged: (push: Push) => void;
}

export class LogModel {
  readonly clients = new Map<string, ClientModel>();
  /** By client and minute: what has to be told when it closes. */
  readonly closings = new Map<string, string>();
  poison = 0;
  readonly #options: LogModelOptions;
  readonly #shapes = shapeInterner();
  readonly #partitions = new Map<number, PartitionClock>();
  readonly #partitionOf = new Map<ClientModel, number>();
  #waiting: Entry[] = [];
  #end = 0;
  #applied = 0;
  #appendMs = 0;

  constructor(options: LogModelOptions) {
    this.#options = options;
  }

  /** The offset after the last durable record. */
  get end(): number {
    return this.#end;
  }

  /** Everything before this has been applied. */
  get applied(): number {
    return this.#applied;
  }

  /** Records that are durable now, in order. */
  learn(records: readonly StoredRecord[]): void {
    for (const { offset, partition, appendMs, bytes } of records) {
      if (offset !== this.#end) this.#options.report(`offset ${offset} follows ${this.#end - 1}`);
      if (appendMs < this.#appendMs) this.#options.report(`append stamp ${appendMs} falls below ${this.#appendMs}`);
      this.#end = offset + 1;
      this.#appendMs = appendMs;
      const push = this.#decode(bytes);
      this.#waiting.push({ offset, partition, appendMs, push });
      if (push !== undefined) this.#options.logged(push);
    }
  }

  /** Applies all records before `position`. */
  advance(position: number): void {
    let taken = 0;
    for (const entry of this.#waiting) {
      if (entry.offset >= position) break;
      taken += 1;
      this.#apply(entry);
    }
    this.#waiting = this.#waiting.slice(taken);
    this.#applied = Math.max(this.#applied, position);
  }

  #decode(bytes: Uint8Array): Push | undefined {
    try {
      const entry = decodeRecord(bytes, this.#shapes);
      return entry.type === 'push' ? entry.push : undefined;
    } catch {
      this.poison += 1;
      return undefined;
    }
  }

  #apply({ partition, appendMs, push }: Entry): void {
    const time = this.#partitions.get(partition) ?? { logMs: 0, closedMs: 0 };
    this.#partitions.set(partition, time);
    time.logMs = Math.max(time.logMs, appendMs);
    const closedMs = windowStart(time.logMs - LIMITS.windowCloseLagMs, MINUTE_MS);
    if (closedMs > time.closedMs) {
      time.closedMs = closedMs;
      for (const [client, own] of this.#partitionOf)
        if (own === partition) this.#told(client, client.close(time.logMs, closedMs));
    }
    if (push === undefined) return;
    const key = clientKey(push.tenant, push.client);
    let client = this.clients.get(key);
    if (client === undefined) {
      client = new ClientModel(push.tenant, push.client, time.closedMs);
      this.clients.set(key, client);
      this.#partitionOf.set(client, partition);
    }
    this.#told(client, client.take(push, time.logMs, time.closedMs));
  }

  #told({ tenant, client }: ClientModel, closings: readonly ModelClosing[]): void {
    for (const { startMs, text } of closings) this.closings.set(closingKey(tenant, client, startMs), text);
  }
}

export function closingKey(tenant: string, client: string, startMs: number): string {
  return `${tenant}/${client} ${startMs}`;
}
