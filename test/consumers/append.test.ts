/** Group commit: one row for all that wait, in order, told only when it is durable, and never larger than a row may be. */
import { describe, expect, test } from 'vitest';
import { memoryMetricLog } from '../../src/adapters/memory/metric-log.ts';
import { adaptiveLinger, GroupCommit, type Linger, type Waiting } from '../../src/consumers/append.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { MetricLog } from '../../src/ports/metric-log.ts';
import { manualClock, settle } from '../agent/manual-clock.ts';

const START_MS = 1_767_225_600_000;
const record = (bytes: number) => ({ partition: 0, bytes: new Uint8Array(bytes) });

function open(linger: number | Linger = 0, log: MetricLog = memoryMetricLog(), enough: number = LIMITS.appendBatchRecordsMax) {
  const clock = manualClock(START_MS);
  const batches: { items: readonly string[]; first: number; stampMs: number; bytes: number }[] = [];
  const commits = new GroupCommit<Waiting & { readonly item: string }>({
    clock,
    log,
    enough,
    linger: typeof linger === 'number' ? () => linger : linger,
    committed: (batch, first, stampMs) => {
      const bytes = batch.reduce((sum, one) => sum + one.record.bytes.length, 0);
      batches.push({ items: batch.map(({ item }) => item), first, stampMs, bytes });
    },
  });
  const add = (bytes: number, item: string): Promise<number> =>
    new Promise((committed, failed) => commits.add({ record: record(bytes), item, committed, failed }));
  return { clock, log, commits, batches, add };
}

describe('group commit', () => {
  test('writes all that waited as one batch, in order, and tells each its offset', async () => {
    const { clock, add, batches } = open();
    const offsets = Promise.all(['a', 'b', 'c'].map((item) => add(1, item)));
    expect(batches).toEqual([]);
    await clock.advance(0);
    expect(batches).toEqual([{ items: ['a', 'b', 'c'], first: 0, stampMs: START_MS, bytes: 3 }]);
    expect(await offsets).toEqual([0, 1, 2]);
  });

  test('waits for its linger, and no longer than that after the first', async () => {
    const { clock, add, batches } = open(2);
    void add(1, 'a');
    await clock.advance(1);
    void add(1, 'b');
    expect(batches.length).toBe(0);
    await clock.advance(1);
    expect(batches.map(({ items }) => items)).toEqual([['a', 'b']]);
  });

  test('tells nobody before the log has it, and the consumer before those who wait', async () => {
    const order: string[] = [];
    const log = memoryMetricLog();
    const { clock, add, batches } = open(0, {
      ...log,
      append: (records, stampMs) => {
        order.push(`log, ${batches.length} told`);
        return log.append(records, stampMs);
      },
    });
    const done = add(1, 'a').then(() => order.push(`append, ${batches.length} told`));
    await clock.advance(0);
    await done;
    expect(order).toEqual(['log, 0 told', 'append, 1 told']);
  });

  test('commits at once when enough waits, and never more than a row may hold', async () => {
    const { commits, add, batches } = open();
    const sizes = [LIMITS.appendBatchBytesMax - 1, LIMITS.recordBytesMax, 10, LIMITS.recordBytesMax, LIMITS.recordBytesMax];
    const offsets = Promise.all(sizes.map((bytes, i) => add(bytes, `${i}`)));
    commits.flush();
    expect(await offsets).toEqual([0, 1, 2, 3, 4]);
    expect(batches.flatMap(({ items }) => items)).toEqual(['0', '1', '2', '3', '4']);
    expect(Math.max(...batches.map(({ bytes }) => bytes))).toBeLessThanOrEqual(LIMITS.appendBatchBytesMax);
    for (let i = 0; i < LIMITS.appendBatchRecordsMax; i++) void add(1, 'x');
    await settle();
    expect(batches.at(-1)?.items.length).toBe(LIMITS.appendBatchRecordsMax);
    expect(commits.bytes).toBe(0);
  });

  /** A log whose batches become durable when `sync` is called, one a call. */
  const slowLog = () => {
    const log = memoryMetricLog();
    const syncs: (() => void)[] = [];
    const append: MetricLog['append'] = async (records, stampMs) => {
      await new Promise<void>((resolve) => syncs.push(resolve));
      return log.append(records, stampMs);
    };
    const sync = async (): Promise<void> => {
      syncs.shift()?.();
      await settle();
    };
    return { log: { ...log, append }, syncs, sync };
  };

  test('gathers what comes while a commit is under way, and commits it when that ends, if its linger is over', async () => {
    const { log, syncs, sync } = slowLog();
    const { clock, commits, add, batches } = open(2, log);
    void add(10, 'a');
    await clock.advance(2);
    void add(20, 'b');
    await clock.advance(2);
    void add(40, 'c');
    expect([syncs.length, batches.length, commits.bytes]).toEqual([1, 0, 70]);
    await sync();
    expect(batches.map(({ items }) => items)).toEqual([['a']]);
    expect([syncs.length, commits.bytes]).toEqual([1, 60]);
    void add(1, 'd');
    await sync();
    expect(batches.at(-1)?.items).toEqual(['b', 'c']);
    expect(syncs.length).toBe(0);
    await clock.advance(2);
    await sync();
    expect(batches.at(-1)?.items).toEqual(['d']);
    expect(commits.bytes).toBe(0);
  });

  test('does not linger once enough waits, but for the commit that is under way', async () => {
    const { log, syncs, sync } = slowLog();
    const { add, batches } = open(1_000, log, 3);
    for (const item of 'abcdefg') void add(1, item);
    expect(syncs.length).toBe(1);
    await sync();
    await sync();
    expect(batches.map(({ items }) => items.join(''))).toEqual(['abc', 'defg']);
  });

  test('those who push in step come to commit in two halves: one is read while the other is synced', async () => {
    const { log, syncs, sync } = slowLog();
    const { add, batches } = open(1_000, log, 3);
    // Who has been answered takes its time to push again.
    let answered = 40;
    for (let i = 0; i < 100; i++) {
      for (; answered > 0; answered--) void add(1, 'x').then(() => answered++);
      await sync();
    }
    expect(syncs.length).toBe(1);
    expect(batches.slice(-20).map(({ items }) => items.length)).toEqual(Array.from({ length: 20 }, () => 20));
  });

  test('a flush resolves when all before it is durable too', async () => {
    const { log, sync } = slowLog();
    const { commits, add, batches } = open(1_000, log);
    void add(1, 'a');
    void commits.flush();
    void add(1, 'b');
    const flushed = commits.flush().then(() => batches.length);
    await sync();
    await sync();
    expect(await flushed).toBe(2);
    await commits.flush();
  });

  test('lingers 50 ms when quiet, a second above 20 pushes a second, and between them in proportion', () => {
    expect([0, 1, 10.5, 20, 1_000].map(adaptiveLinger)).toEqual([50, 50, 525, 1_000, 1_000]);
  });

  /** Pushes at a steady rate, and waits for the last. @returns how often was committed. */
  const pushSteadily = async ({ clock, add, batches }: ReturnType<typeof open>, perSecond: number, seconds: number) => {
    const before = batches.length;
    for (let i = 0; i < perSecond * seconds; i++) {
      void add(1, 'x');
      await clock.advance(1_000 / perSecond);
    }
    await clock.advance(1_000);
    return batches.length - before;
  };

  test('commits once a second while busy, and each push by itself while quiet', async () => {
    const lab = open(adaptiveLinger);
    expect(await pushSteadily(lab, 1, 30)).toBe(30);
    // Until the mean has risen it commits more often.
    expect(await pushSteadily(lab, 50, 30)).toBeLessThanOrEqual(45);
    expect(await pushSteadily(lab, 50, 30)).toBeLessThanOrEqual(31);
  });

  test('takes the rate of some seconds, not of one batch: neither a burst nor a pause decides', async () => {
    const lab = open(adaptiveLinger);
    await pushSteadily(lab, 50, 30);
    await lab.clock.advance(500);
    void lab.add(1, 'after a short pause');
    await lab.clock.advance(900);
    expect(lab.batches.at(-1)?.items).not.toContain('after a short pause');
    await lab.clock.advance(LIMITS.lingerMeanMs * 4);
    for (let i = 0; i < 40; i++) void lab.add(1, 'after a long one');
    await lab.clock.advance(LIMITS.lingerQuietMs);
    expect(lab.batches.at(-1)?.items.length).toBe(40);
    const before = lab.batches.length;
    void lab.add(1, 'behind one burst');
    await lab.clock.advance(500);
    expect(lab.batches.length).toBe(before + 1);
  });

  test('tells all of a batch that failed, counts nothing, and goes on', async () => {
    const log = memoryMetricLog();
    let fails = true;
    const { clock, commits, add, batches } = open(0, {
      ...log,
      append: (records, stampMs) => {
        if (fails) throw new Error('no');
        return log.append(records, stampMs);
      },
    });
    const lost = Promise.allSettled([add(1, 'a'), add(1, 'b')]);
    await clock.advance(0);
    expect((await lost).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([batches, log.end(), commits.bytes]).toEqual([[], 0, 0]);
    fails = false;
    const kept = add(1, 'c');
    await clock.advance(0);
    expect(await kept).toBe(0);
  });

  test('never stamps lower than before, though the clock is set back, nor lower than the log it goes on with', async () => {
    const { clock, commits, add, batches } = open();
    commits.startAt(START_MS + 500);
    for (const step of [0, 1_000, -3_600_000, 10]) {
      clock.step(step);
      void add(1, 'a');
      await clock.advance(0);
    }
    await settle();
    expect(batches.map(({ stampMs }) => stampMs - START_MS)).toEqual([500, 1_000, 1_000, 1_000]);
  });
});
