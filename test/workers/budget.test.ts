/** What a shard costs on Cloudflare, and what only Cloudflare would refuse: counted in workerd, under a clock that the test moves. */
import { describe, expect, type TestContext, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/model/window.ts';
import type { CheckpointStore } from '../../src/ports/checkpoint-store.ts';
import type { AppendOutcome } from '../../src/ports/push-appender.ts';
import { finish } from '../consumers/lab.ts';
import { pushOf } from '../consumers/shapes.ts';
import { type Bill, type BilledShard, billed, fleetPush, type StoredBytes } from './billed.ts';

/** What scripts/cloudflare-sizing.ts makes its table of, in the report of a run. */
interface Measured {
  readonly hosts: number;
  readonly series: number;
  readonly perDay: Bill;
  readonly bytes: StoredBytes;
  readonly hours: number;
}

declare module 'vitest' {
  interface TaskMeta {
    measured?: Measured;
    commits?: { readonly hosts: number; readonly perSecond: number };
    /** Of a shard of `hosts` after a quiet hour. */
    waking?: { readonly hosts: number; readonly ms: number };
  }
}

const HOURS_PER_DAY = 24;
/** A simulated day of a few hosts takes half a minute where two cores are shared. */
const LONG = { timeout: 240_000 };

/** @param warmHours before it is counted: from the third hour on the log loses as much as it gains. */
async function measure(
  { task }: TestContext,
  hosts: number,
  series: number,
  warmHours: number,
  hours: number,
): Promise<Measured> {
  const measured = await billed(async ({ bill, run, bytes }) => {
    await run(hosts, series, warmHours * HOUR_MS);
    const before = structuredClone(bill);
    await run(hosts, series, hours * HOUR_MS);
    const scaled = perDay(before, bill, HOURS_PER_DAY / hours);
    return { hosts, series, perDay: scaled, bytes: await bytes(), hours: warmHours + hours };
  });
  task.meta.measured = measured;
  return measured;
}

function perDay(before: Bill, after: Bill, scale: number): Bill {
  const tables = Object.entries(after.rowsByTable).map(([table, rows]) => [
    table,
    (rows - (before.rowsByTable[table] ?? 0)) * scale,
  ]);
  return {
    rowsWritten: (after.rowsWritten - before.rowsWritten) * scale,
    rowsRead: (after.rowsRead - before.rowsRead) * scale,
    alarmsSet: (after.alarmsSet - before.alarmsSet) * scale,
    wakes: (after.wakes - before.wakes) * scale,
    pushes: (after.pushes - before.pushes) * scale,
    largestRowBytes: after.largestRowBytes,
    rowsByTable: Object.fromEntries(tables),
  };
}

describe('rows written, log and alarms included', () => {
  const FREE_PLAN_ROWS_A_DAY = 100_000;
  /** Of a host alone: 8,640 pushes that are logged each by itself, and as many that are deleted when their log is old; the rest of the shard. */
  const LONE_HOST_DAY_ROWS_MAX = 20_000;
  /** Of a few hosts: the same without the shard's own. */
  const HOST_DAY_ROWS_MAX = 18_200;
  /** Of many: commits that they share, 144 blocks of samples and a part of all else. */
  const HOST_OF_HUNDRED_DAY_ROWS_MAX = 3_500;
  /** A minute's tick that the next push makes needless, a checkpoint each five, retention each hour. */
  const ALARMS_A_DAY_MAX = HOURS_PER_DAY * 75;
  /** Each of twelve partitions has its checkpoint each five minutes. */
  const ALARMS_OF_HUNDRED_A_DAY_MAX = 7_000;

  test('of one host stay within its budget', LONG, async (context) => {
    const { perDay } = await measure(context, 1, 20, 4, 3);
    expect(perDay.rowsWritten).toBeLessThanOrEqual(LONE_HOST_DAY_ROWS_MAX);
    expect(perDay.rowsByTable['DELETE log_batches']).toBeGreaterThan(0);
    expect(perDay.alarmsSet).toBeLessThanOrEqual(ALARMS_A_DAY_MAX);
    expect(perDay.wakes).toBeLessThanOrEqual(ALARMS_A_DAY_MAX);
  });

  test('of five hosts fit in the free plan', LONG, async (context) => {
    const { perDay } = await measure(context, 5, 20, 3, 1);
    expect(perDay.rowsWritten / 5).toBeLessThanOrEqual(HOST_DAY_ROWS_MAX);
    expect(perDay.rowsWritten).toBeLessThanOrEqual(FREE_PLAN_ROWS_A_DAY);
    expect(perDay.alarmsSet).toBeLessThanOrEqual(ALARMS_A_DAY_MAX);
  });

  test('of a hundred hosts with 50 series each are few a host', LONG, async (context) => {
    const { perDay } = await measure(context, 100, 50, 0.25, 0.5);
    // Old log is not deleted yet in so short a time: its rows come twice.
    expect((perDay.rowsWritten + (perDay.rowsByTable['INSERT log_batches'] ?? 0)) / 100).toBeLessThanOrEqual(
      HOST_OF_HUNDRED_DAY_ROWS_MAX,
    );
    expect(perDay.alarmsSet).toBeLessThanOrEqual(ALARMS_OF_HUNDRED_A_DAY_MAX);
  });

  test.for([
    [10, 1],
    [20, 2],
    [50, 3],
    [100, 2],
    [250, 1.05],
  ] as const)(
    'of %i hosts that push each 10 s: %f commits a second or fewer, as a busy one waits for more pushes',
    async ([hosts, most], { task }) => {
      const perSecond = await billed(async ({ bill, run }) => {
        await run(hosts, 2, MINUTE_MS);
        const before = bill.rowsByTable['INSERT log_batches'] ?? 0;
        await run(hosts, 2, 2 * MINUTE_MS);
        return ((bill.rowsByTable['INSERT log_batches'] ?? 0) - before) / 120;
      });
      task.meta.commits = { hosts, perSecond };
      expect(perSecond).toBeLessThanOrEqual(most);
    },
  );
});

describe('waking', () => {
  const WAKES = 50;
  const HOSTS = 100;
  /** Of twelve partitions: what their checkpoints say, and where the log ends. */
  const ROWS_READ_MAX = 36;

  test('after a quiet hour reads checkpoints and no records, and takes a push at once', LONG, async ({ task }) => {
    await billed(async ({ lab, bill, run }) => {
      await run(HOSTS, 20, 10 * MINUTE_MS);
      await lab.clock.advance(HOUR_MS);
      const before = bill.rowsRead;
      // The time of a Worker stands still between two waits.
      await scheduler.wait(0);
      const startedMs = performance.now();
      for (let i = 0; i < WAKES; i++) await lab.crash();
      await scheduler.wait(0);
      task.meta.waking = { hosts: HOSTS, ms: (performance.now() - startedMs) / WAKES };
      expect((bill.rowsRead - before) / WAKES).toBeLessThanOrEqual(ROWS_READ_MAX);
      expect(lab.shard.ready()).toEqual({ ready: true });
      const pushed = lab.shard.append(pushOf(lab.shapes, [['cpu', lab.clock.nowMs(), 1]]), 100);
      await lab.clock.advance(LIMITS.lingerQuietMs);
      expect(await pushed).toMatchObject({ kind: 'appended' });
    });
  });
});

describe('a row', () => {
  test('stays under what Cloudflare takes, whatever is pushed', LONG, async () => {
    let state = 1;
    const letters = (): string => {
      state = (state * 48_271) % 2_147_483_647;
      return state.toString(36);
    };
    // Names that no compression makes much smaller.
    const name = (): string => Array.from({ length: 40 }, letters).join('').slice(0, LIMITS.metricNameLengthMax);
    const wide = Array.from({ length: 8 }, () => Array.from({ length: LIMITS.metricsPerPushMax }, name));
    const bill = await billed(async ({ lab, bill }) => {
      for (let i = 0; i < 12; i++) {
        const ms = lab.clock.nowMs();
        const all = Array.from({ length: 8 }, (_, c) => {
          const samples = (wide[c] ?? []).map((name, place) => [name, ms + place, Math.sin(ms + place)] as const);
          return lab.shard.append(pushOf(lab.shapes, samples, { client: `c-${c}` }), 100);
        });
        await lab.clock.advance(2_000);
        await Promise.all(all);
        await lab.clock.advance(LIMITS.sealIntervalMs / 6);
        await lab.shard.round();
      }
      await lab.clock.advance(LIMITS.objectCheckpointIntervalMs);
      return bill;
    });
    expect(bill.largestRowBytes).toBeGreaterThan(LIMITS.appendBatchBytesMax / 2);
    expect(bill.largestRowBytes).toBeLessThanOrEqual(LIMITS.rowBytesMax);
  });
});

describe('heads', () => {
  const CLIENTS = 833;
  const SERIES = 50;

  interface Filled {
    readonly most: number;
    readonly sealed: number;
    readonly outcomes: readonly AppendOutcome[];
  }

  /** All clients push each 10 s, and the shard is woken each minute. */
  async function fill({ lab }: Pick<BilledShard, 'lab'>, minutes: number): Promise<Filled> {
    const push = fleetPush(lab, SERIES);
    const outcomes: AppendOutcome[] = [];
    let most = 0;
    for (let i = 0; i < minutes * 6; i++) {
      const all = Array.from({ length: CLIENTS }, (_, c) =>
        lab.shard.append(
          push(`client-${c}`, i, () => c + i),
          100,
        ),
      );
      await lab.clock.advance(LIMITS.agentIntervalMs);
      outcomes.push(...(await Promise.all(all)));
      if (i % 6 === 5) await finish(lab.clock, lab.shard.round());
      most = Math.max(most, lab.metric('metricstream_head_bytes') ?? 0);
    }
    return { most, sealed: lab.metric('metricstream_samples_sealed_total') ?? 0, outcomes };
  }
  const kindsOf = ({ outcomes }: Filled): Set<string> => new Set(outcomes.map(({ kind }) => kind));

  test('of 833 clients with 50 series each stay within what an object may hold, and every push is taken', LONG, async () => {
    const filled = await billed((shard) => fill(shard, 10));
    expect(kindsOf(filled)).toEqual(new Set(['appended']));
    expect(filled.most).toBeGreaterThan(LIMITS.objectHeadBytesMax / 4);
    expect(filled.most).toBeLessThanOrEqual(LIMITS.objectHeadBytesMax);
  });

  test('over their bound are sealed early', async () => {
    const headBytesMax = 4_000_000;
    const filled = await billed((shard) => fill(shard, 4), { headBytesMax });
    expect(filled.sealed).toBeGreaterThan(CLIENTS * SERIES);
    expect(filled.most).toBeLessThanOrEqual(headBytesMax * 1.5);
    expect(kindsOf(filled)).toEqual(new Set(['appended']));
  });

  test('that cannot be sealed end in 503 overloaded, before the isolate dies', async () => {
    const fails = (checkpoints: CheckpointStore): CheckpointStore => ({
      ...checkpoints,
      commit: () => Promise.reject(new Error('no')),
    });
    const headBytesMax = 1_000_000;
    const filled = await billed((shard) => fill(shard, 4), { headBytesMax, checkpointsWith: fails });
    expect(filled.outcomes.at(-1)).toEqual({ kind: 'refused', code: 'overloaded', retryAfterMs: LIMITS.retryMs });
  });
});
