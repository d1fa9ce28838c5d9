/** Bugs that the simulation has to find: each breaks one promise, and is put in through a port or sown into a copy of src. */
import type { LogRecord, MetricLog } from '../../src/ports/metric-log.ts';
import type { Sowing } from '../sown-copy.ts';
import type { Sabotage } from './server.ts';

export interface Mutant {
  readonly name: string;
  readonly sabotage?: Sabotage;
  readonly sown?: readonly Sowing[];
  /** Where the search begins: a seed that found it when this was written. Any of the seeds may find it. */
  readonly likelySeed?: number | undefined;
}

const EMPTY = { raw: [], windows: [] };

/** Through the ports. */
const SABOTEURS: readonly Mutant[] = [
  {
    name: 'the log resolves before its commit',
    sabotage: { log: (log, clock) => lateLog(log, (write) => void clock.schedule(1, write)) },
  },
  { name: 'commits are not synced', sabotage: { syncs: (random) => random.chance(0.2) } },
  {
    name: 'the checkpoint is saved before the batch that goes with it',
    likelySeed: 5,
    sabotage: {
      checkpoints: (store) => ({
        load: (partition) => store.load(partition),
        async commit(checkpoint, batch) {
          await store.commit(checkpoint, EMPTY);
          await store.commit(checkpoint, batch);
        },
      }),
    },
  },
  {
    name: 'the batch of a checkpoint is dropped',
    sabotage: {
      checkpoints: (store) => ({
        load: (partition) => store.load(partition),
        commit: (checkpoint) => store.commit(checkpoint, EMPTY),
      }),
    },
  },
  {
    name: 'the position is saved one record ahead',
    sabotage: {
      checkpoints: (store) => ({
        load: (partition) => store.load(partition),
        commit: (checkpoint, batch) => store.commit({ ...checkpoint, position: checkpoint.position + 1 }, batch),
      }),
    },
  },
  {
    name: 'the safe offset is saved ahead of what is sealed',
    sabotage: {
      checkpoints: (store) => ({
        load: (partition) => store.load(partition),
        commit: (checkpoint, batch) => store.commit({ ...checkpoint, safeOffset: checkpoint.position }, batch),
      }),
    },
  },
];

function lateLog(log: MetricLog, soon: (write: () => void) => void): MetricLog {
  let waiting: (readonly LogRecord[])[] = [];
  const ahead = (): number => waiting.reduce((sum, records) => sum + records.length, 0);
  return {
    ...log,
    end: () => log.end() + ahead(),
    async append(records, appendMs) {
      const first = log.end() + ahead();
      waiting.push(records);
      soon(async () => {
        await log.append(records, appendMs);
        waiting = waiting.slice(1);
      });
      return first;
    },
  };
}

/** In the text. */
const SOWN: readonly (readonly [name: string, file: string, find: string, put: string, likelySeed?: number])[] = [
  ['the frontier is left out of the checkpoint', 'consumers/checkpoint.ts', 'writer.f64(client.frontierMs);', 'writer.f64(0);'],
  ['revisions are left out of the checkpoint', 'consumers/checkpoint.ts', 'writer.varint(times);', 'writer.varint(0);'],
  [
    'the checkpoint forgets which repeats were not merged',
    'consumers/checkpoint.ts',
    'stillSkipped(client.skipped, after)',
    'stillSkipped([], after)',
  ],
  [
    'push ids are told apart without their boot id',
    'consumers/ledger.ts',
    'const known = this.boots.find((one) => one.boot === boot);',
    'const known = this.boots[0];',
  ],
  [
    'a late sample that the store holds is added again',
    'consumers/client-head.ts',
    'if (place < 0) continue;',
    'if (place < 0 || this.#offset[row] === SEALED) continue;',
  ],
  ['of two values the later wins', 'consumers/client-head.ts', 'if (!isGreater(value, held)) return;', '', 7],
  ['a late sample opens its minute without reading it back', 'consumers/client-state.ts', 'return missing;', 'return undefined;'],
  ['a replay counts what it refills', 'consumers/pipeline.ts', 'if (offset < this.replayUntil) {', 'if (offset < 0) {'],
  [
    'bundled hours are not amended',
    'consumers/seal.ts',
    'if (hour >= client.bundledHourMs) continue;',
    'if (hour >= 0) continue;',
    5,
  ],
  [
    'bundled days are not amended',
    'consumers/seal.ts',
    'if (day >= client.bundledDayMs) continue;',
    'if (day >= 0) continue;',
    10,
  ],
  [
    'a window holds the sample of its end',
    'model/window.ts',
    'return Math.floor(timeMs / stepMs) * stepMs;',
    'return (Math.ceil(timeMs / stepMs) - 1) * stepMs;',
  ],
  [
    'the tenant is left out of the key of a client',
    'model/partition.ts',
    'clientKey(tenant: string, client: string): string {',
    "clientKey(tenant: string, client: string): string {\n  if (tenant !== '') return client;",
  ],
  [
    'a repeat of a push in flight is answered before its commit',
    'consumers/shard.ts',
    'if (pushId !== undefined) client.sent(pushId);',
    "if (pushId !== undefined && client.isInFlight(pushId)) resolve({ kind: 'appended', offset: 0, duplicate, rejected: [] });\n      if (pushId !== undefined) client.sent(pushId);",
  ],
  [
    'series over the limit are dropped and not named',
    'consumers/admit.ts',
    'rejected: refused.map((index)',
    'rejected: [].map((index)',
    10,
  ],
  ['limits begin anew with the process', 'consumers/shard.ts', 'this.#refillLimits(Math.max(', 'Math.sign(Math.max(', 11],
  ['append stamps begin anew with the process', 'consumers/shard.ts', 'this.#commits.startAt(', 'Math.abs(', 39],
  [
    'the log is cut without regard to the safe offset',
    'adapters/embedded/metric-log.ts',
    'safeOffset: Math.min(safeOffset, end - 1)',
    'safeOffset: end - 1',
  ],
  [
    'a partition is taken for idle while records of it wait to be saved',
    'consumers/checkpointer.ts',
    'saved?.logMs === one.logMs && saved.position',
    'saved !== undefined && saved.position',
    41,
  ],
  ['log time stands still while nobody pushes', 'consumers/maintenance.ts', '      this.#tick(nowMs);\n', ''],
  [
    'a record that cannot be read is read again for ever',
    'consumers/consume.ts',
    'this.#deps.poison?.(bytes, String(error));\n      return undefined;',
    'throw error;',
    4,
  ],
  [
    'a retry makes a new push id',
    'agent/push.ts',
    '#headers({ boot, sequence, previous }: SpooledPush): Record<string, string> {',
    '#headers({ boot, sequence: made, previous }: SpooledPush): Record<string, string> {\n    const sequence = made + 1000 * this.#attempts;',
  ],
  [
    'the breaker never half-opens',
    'agent/push.ts',
    'schedule(Math.max(GAP_MS, delayMs), () => {',
    'schedule(this.#failures >= LIMITS.agentBreakerFailures ? 1e12 : Math.max(GAP_MS, delayMs), () => {',
  ],
];

export const MUTANTS: readonly Mutant[] = [
  ...SABOTEURS,
  ...SOWN.map(([name, file, find, put, likelySeed]): Mutant => ({ name, sown: [{ file, find, put }], likelySeed })),
];
