/** A shard host in a Durable Object under a clock that the test moves, and the bill: rows, alarms, wakes and the largest row. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { durableObjectSqlDatabase, type ObjectStorage } from '../../src/adapters/durable-objects/sql-database.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { newJudge } from '../../src/alerts/new-judge.ts';
import { adaptiveLinger } from '../../src/consumers/append.ts';
import { OBJECT_RETENTION } from '../../src/consumers/maintenance.ts';
import { OBJECT_PACE } from '../../src/consumers/pace.ts';
import { ShardHost } from '../../src/consumers/shard-host.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { Push } from '../../src/model/push.ts';
import type { AppendOutcome } from '../../src/ports/push-appender.ts';
import { ByteWriter } from '../../src/protocols/bytes.ts';
import { encodePush, shapeInterner } from '../../src/protocols/log-record.ts';
import { CALL_VERSION } from '../../src/protocols/shard-reply.ts';
import { type Lab, type LabOptions, openLab, START_MS } from '../consumers/lab.ts';
import { pushOf } from '../consumers/shapes.ts';
import { lender } from './borrowed-storage.ts';

export interface Bill {
  rowsWritten: number;
  rowsRead: number;
  /** Each is a row written as well, and counted in rowsWritten. */
  alarmsSet: number;
  wakes: number;
  pushes: number;
  /** Of the bytes that one statement wrote. */
  largestRowBytes: number;
  readonly rowsByTable: Record<string, number>;
}

export interface StoredBytes {
  readonly file: number;
  readonly log: number;
  readonly raw: number;
  readonly windows: number;
  /** Samples in the raw blocks. */
  readonly samples: number;
}

export interface BilledShard {
  readonly lab: Lab;
  readonly bill: Bill;
  /** Of the file, and of the bodies in its tables. */
  bytes(): Promise<StoredBytes>;
  /** Every host pushes each 10 s, at a time of its own, for so long. */
  run(hosts: number, series: number, durationMs: number): Promise<void>;
}

/** As runtimes/cloudflare.ts wires it. */
const AS_DEPLOYED: LabOptions = {
  judge: newJudge,
  timed: false,
  partitions: LIMITS.partitions,
  linger: adaptiveLinger,
  headBytesMax: LIMITS.objectHeadBytesMax,
  pace: OBJECT_PACE,
  retention: OBJECT_RETENTION,
};

function noBill(): Bill {
  return { rowsWritten: 0, rowsRead: 0, alarmsSet: 0, wakes: 0, pushes: 0, largestRowBytes: 0, rowsByTable: {} };
}

/** Tells the bill what each statement reads and writes. */
function metered({ sql, transactionSync }: ObjectStorage, storage: ObjectStorage, bill: Bill): ObjectStorage {
  return {
    sql: {
      exec(query, ...bindings) {
        const cursor = sql.exec(query, ...bindings);
        const table = /^(?:INSERT INTO|INSERT OR \w+ INTO|DELETE FROM|UPDATE) (\w+)/.exec(query)?.[1];
        if (table === undefined) return cursor;
        const rows = cursor.toArray();
        bill.rowsByTable[`${query.slice(0, 6)} ${table}`] =
          (bill.rowsByTable[`${query.slice(0, 6)} ${table}`] ?? 0) + cursor.rowsWritten;
        const bytes = bindings.reduce<number>(
          (sum, one) => sum + (one instanceof Uint8Array ? one.length : String(one).length),
          0,
        );
        bill.largestRowBytes = Math.max(bill.largestRowBytes, bytes);
        return { toArray: () => rows, rowsRead: cursor.rowsRead, rowsWritten: cursor.rowsWritten };
      },
      get databaseSize() {
        return sql.databaseSize;
      },
    },
    transactionSync: (body) => transactionSync.call(storage, body) as never,
  };
}

/** A new object with a shard host in it. */
export function billed<T>(body: (shard: BilledShard) => Promise<T>, options: LabOptions = {}): Promise<T> {
  return runInDurableObject(lender(env.LENDER.newUniqueId()), async (_, { storage }) => {
    const bill = noBill();
    const onRows = (read: number, written: number): void => {
      bill.rowsRead += read;
      bill.rowsWritten += written;
    };
    const database = durableObjectSqlDatabase({ storage: metered(storage, storage, bill), onRows });
    const lab = await openLab({ ...AS_DEPLOYED, startMs: START_MS, database, ...options });
    const host = hostOf(lab, bill);
    return body({
      lab,
      bill,
      bytes: async () => ({
        file: storage.sql.databaseSize,
        ...bodyBytes(lab),
        samples: lab.metric('metricstream_samples_sealed_total') ?? 0,
      }),
      run: (hosts, series, durationMs) => run(lab, host, bill, { hosts, series, durationMs }),
    });
  });
}

function bodyBytes({ database }: Lab): Pick<StoredBytes, 'log' | 'raw' | 'windows'> {
  const sum = (table: string): number =>
    database.exec<{ bytes: number | null }>(`SELECT SUM(LENGTH(body)) AS bytes FROM ${table}`)[0]?.bytes ?? 0;
  return { log: sum('log_batches'), raw: sum('raw_blocks'), windows: sum('window_blocks') };
}

function hostOf(lab: Lab, bill: Bill): ShardHost {
  const { clock } = lab;
  let cancel: (() => void) | undefined;
  const host = new ShardHost({
    shard: lab.shard,
    clock,
    telemetry: memoryTelemetry({ nowMs: clock.nowMs }),
    alarm: {
      get: async () => null,
      async set(atMs) {
        cancel?.();
        bill.alarmsSet += 1;
        bill.rowsWritten += 1;
        cancel = clock.schedule(Math.max(0, atMs - clock.nowMs()), () => {
          bill.wakes += 1;
          void host.wake();
        });
      },
    },
    keys: memoryKeyRegistry(),
    shapes: shapeInterner(),
    register: async () => [],
  });
  return host;
}

interface Load {
  readonly hosts: number;
  readonly series: number;
  readonly durationMs: number;
}

/** Values that wander in steps of a hundredth, as percentages do. */
function wandering(): () => number {
  let state = 1;
  let value = 5_000;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    value = Math.min(10_000, Math.max(0, value + (state % 41) - 20));
    return value / 100;
  };
}

/** @returns makes pushes of one shape: interning it anew each time would cost more than all the rest. */
export function fleetPush(lab: Lab, series: number): (client: string, sequence: number, value: () => number) => Push {
  const names = Array.from({ length: series }, (_, i) => `metric_${i}`);
  const template = pushOf(
    lab.shapes,
    names.map((name) => [name, 0, 0]),
    { stamped: true },
  );
  return (client, sequence, value) => {
    const ms = Math.floor(lab.clock.nowMs());
    return {
      ...template,
      client,
      arrivalMs: ms,
      timesMs: Float64Array.of(ms),
      values: template.values.map(value),
      pushId: { boot: 'boot', sequence, previous: undefined },
    };
  };
}

async function run(lab: Lab, host: ShardHost, bill: Bill, { hosts, series, durationMs }: Load): Promise<void> {
  const { clock } = lab;
  const writer = new ByteWriter(4096);
  const next = wandering();
  const template = fleetPush(lab, series);
  const endMs = clock.nowMs() + durationMs;
  const outcomes: Promise<AppendOutcome>[] = [];
  for (let i = 0; clock.nowMs() < endMs; i++) {
    const push = template(`host-${i % hosts}`, bill.pushes, next);
    const record = encodePush(push, writer);
    outcomes.push(host.append({ version: CALL_VERSION, record, requestsPerSecond: 100, keyId: undefined, counts: [] }));
    bill.pushes += 1;
    await clock.advance(LIMITS.agentIntervalMs / hosts);
  }
  await clock.advance(2 * LIMITS.lingerBusyMs);
  const refused = (await Promise.all(outcomes)).filter(({ kind }) => kind !== 'appended').length;
  if (refused > 0) throw new Error(`${refused} pushes were refused`);
}
