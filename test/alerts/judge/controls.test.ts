/** Rule sets that change by records of the log, rules that judge samples, corrections, and the bounds of what is kept. */
import { describe, expect, test } from 'vitest';
import { OBJECT_PACE } from '../../../src/consumers/pace.ts';
import type { RuleSpec } from '../../../src/model/alert.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { clientKey, partitionOf } from '../../../src/model/partition.ts';
import { createSeries } from '../../../src/model/series.ts';
import type { JudgedMinute } from '../../../src/ports/alert-judge.ts';
import { finish, START_MS } from '../../consumers/lab.ts';
import { rule } from '../backtest/history.ts';
import { type JudgedLab, openJudged } from './fleet.ts';
import { judgeOf } from './lives.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

const tell = (lab: JudgedLab, version: number, rules: readonly RuleSpec[]) =>
  finish(lab.clock, lab.shard.control({ kind: 'rules', tenant: 'default', rules: { version, rules } }));

/** A push now, or of so many seconds ago. */
const push = (lab: JudgedLab, metric: string, value: number, ago = 0, client = 'web-1') =>
  lab.push([[metric, lab.clock.nowMs() - ago * SECOND_MS, value]], { client });

async function pushFor(lab: JudgedLab, minutes: number, metric: string, value: number): Promise<void> {
  for (let left = minutes * 6; left > 0; left--) {
    await push(lab, metric, value);
    await lab.clock.advance(10 * SECOND_MS);
  }
}

const told = (lab: JudgedLab): string[] =>
  [...lab.kept.values()]
    .filter(({ rule: name }) => name !== 'HostSilent')
    .map(({ rule: name, to, reason, amended, rulesVersion }) =>
      [name, to, reason, amended ? 'amended' : undefined, `v${rulesVersion}`].filter((word) => word !== undefined).join(' '),
    );

const HOT = rule('Hot', 'avg(heat) > 90', { forMs: 2 * MINUTE_MS });
const FULL = rule('Full', 'last(fill) > 95');

describe('a rule set', () => {
  test('judges from its record on; a higher version takes its place, and one that is lower or the same is passed over', async () => {
    const lab = await openJudged({ partitions: 2 });
    await pushFor(lab, 4, 'heat', 95);
    expect(told(lab)).toEqual([]);
    await tell(lab, 2, [HOT]);
    await pushFor(lab, 4, 'heat', 95);
    expect(told(lab)).toEqual(['Hot pending v2', 'Hot firing v2']);
    await tell(lab, 1, []);
    await tell(lab, 2, []);
    await pushFor(lab, 1, 'heat', 95);
    expect(told(lab)).toEqual(['Hot pending v2', 'Hot firing v2']);
    await tell(lab, 3, [{ ...HOT, expr: 'avg(heat) > 99' }]);
    await pushFor(lab, 2, 'heat', 95);
    expect(told(lab)).toEqual(['Hot pending v2', 'Hot firing v2', 'Hot resolved v3']);
  });

  test('without a rule ends its alerts, once, however often the server dies', async () => {
    const lab = await openJudged({ partitions: 2 });
    await tell(lab, 1, [HOT, FULL]);
    await pushFor(lab, 4, 'heat', 95);
    await push(lab, 'fill', 99);
    await tell(lab, 2, [FULL]);
    await lab.crash();
    await lab.clock.advance(MINUTE_MS);
    await lab.crash();
    await lab.clock.advance(MINUTE_MS);
    expect(told(lab)).toEqual(['Hot pending v1', 'Hot firing v1', 'Full firing v1', 'Hot resolved rule_removed v1']);
    expect(lab.kept.size).toBe(new Set([...lab.kept.values()].map(({ id }) => id)).size);
  });

  test('is kept where log time stood still when it came, and the partition has been idle since', async () => {
    const lab = await openJudged({ partitions: 2 });
    const [idle, busy] = [0, 1].map((partition) => {
      const names = Array.from({ length: 50 }, (_, i) => `host-${i}`);
      return names.find((name) => partitionOf(clientKey('default', name), 2) === partition) ?? '';
    });
    await tell(lab, 1, []);
    await lab.clock.advance(MINUTE_MS);
    lab.clock.step(-10 * MINUTE_MS);
    await tell(lab, 2, [FULL]);
    lab.clock.step(10 * MINUTE_MS);
    for (let left = 12; left > 0; left--) {
      await push(lab, 'heat', 20, 0, busy);
      await lab.clock.advance(10 * SECOND_MS);
    }
    await lab.crash();
    await push(lab, 'fill', 99, 0, idle);
    expect(told(lab)).toEqual(['Full firing v2']);
  });

  test('that switches a rule off for a host ends its alerts there with the next minute', async () => {
    const lab = await openJudged({ partitions: 1 });
    await tell(lab, 1, [HOT]);
    await pushFor(lab, 4, 'heat', 95);
    await tell(lab, 2, [{ ...HOT, overrides: [{ match: { host: 'web-*' }, enabled: false }] }]);
    await pushFor(lab, 2, 'heat', 95);
    expect(told(lab)).toEqual(['Hot pending v1', 'Hot firing v1', 'Hot resolved rule_disabled v1']);
  });
});

describe('a rule without `for`', () => {
  test('fires with the sample that crosses it, and is over with the one that does not', async () => {
    const lab = await openJudged({ partitions: 1 });
    await tell(lab, 1, [FULL]);
    await push(lab, 'fill', 20);
    await lab.clock.advance(SECOND_MS);
    const atMs = lab.clock.nowMs();
    await push(lab, 'fill', 97);
    const [fired] = [...lab.kept.values()];
    expect(fired).toMatchObject({ to: 'firing', from: 'inactive', onsetMs: atMs, atMs, judgedMs: atMs, windowMs: undefined });
    await lab.clock.advance(10 * SECOND_MS);
    await push(lab, 'fill', 30);
    expect(told(lab)).toEqual(['Full firing v1', 'Full resolved v1']);
    // The minute of both, which closes later, says nothing more.
    await pushFor(lab, 3, 'fill', 30);
    expect(told(lab)).toEqual(['Full firing v1', 'Full resolved v1']);
  });

  test('never fires by a sample that is late, nor is over by one', async () => {
    const lab = await openJudged({ partitions: 1 });
    await tell(lab, 1, [FULL]);
    await lab.clock.advance(10 * SECOND_MS);
    await push(lab, 'fill', 20);
    await push(lab, 'fill', 99, 5);
    expect(told(lab)).toEqual([]);
    await lab.clock.advance(10 * SECOND_MS);
    await push(lab, 'fill', 99);
    await push(lab, 'fill', 20, 3);
    expect(told(lab)).toEqual(['Full firing v1']);
  });

  test('judges a sample that is the newest of its series, though another sender of the host is ahead of it', async () => {
    const lab = await openJudged({ partitions: 1 });
    await tell(lab, 1, [FULL]);
    await lab.clock.advance(10 * SECOND_MS);
    await push(lab, 'heat', 20);
    await push(lab, 'fill', 99, 5);
    expect(told(lab)).toEqual(['Full firing v1']);
    await push(lab, 'fill', 20, 4);
    await push(lab, 'fill', 99, 6);
    expect(told(lab)).toEqual(['Full firing v1', 'Full resolved v1']);
  });

  test('judges what came in the second push of one moment, and both parts together', async () => {
    const lab = await openJudged({ partitions: 1 });
    await tell(lab, 1, [FULL, rule('Both', 'last(fill) > 95 && last(heat) > 90')]);
    await push(lab, 'heat', 95);
    await push(lab, 'fill', 99);
    expect(told(lab).sort()).toEqual(['Both firing v1', 'Full firing v1']);
  });
});

describe('a correction', () => {
  test('that says otherwise than what was judged amends history, and moves no alert', async () => {
    const lab = await openJudged({ partitions: 1 });
    await tell(lab, 1, [HOT]);
    await pushFor(lab, 6, 'heat', 20);
    // Minute 1 was cool; now it was not.
    await push(lab, 'heat', 5_000, 290);
    // At the next look, once for all that came late.
    await lab.clock.advance(20 * SECOND_MS);
    expect(told(lab)).toEqual(['Hot inactive samples_late amended v1']);
    await push(lab, 'heat', 5_001, 311);
    await lab.clock.advance(20 * SECOND_MS);
    expect(told(lab)).toEqual(['Hot inactive samples_late amended v1']);
    await pushFor(lab, 6, 'heat', 95);
    const burning = ['Hot inactive samples_late amended v1', 'Hot pending v1', 'Hot firing v1'];
    expect(told(lab)).toEqual(burning);
    // A minute of it was cool after all.
    await push(lab, 'heat', -5_000, 201);
    await lab.clock.advance(20 * SECOND_MS);
    expect(told(lab)).toEqual([...burning, 'Hot firing samples_late amended v1']);
    await pushFor(lab, 2, 'heat', 95);
    expect(told(lab).length).toBe(burning.length + 1);
  });

  test('of hours that make five hot minutes fires nothing', async () => {
    const lab = await openJudged({ partitions: 1 });
    await tell(lab, 1, [HOT]);
    await pushFor(lab, 12, 'heat', 20);
    for (let ago = 600; ago > 240; ago -= 10) await push(lab, 'heat', 900, ago + 1);
    await pushFor(lab, 3, 'heat', 20);
    expect(new Set(told(lab))).toEqual(new Set(['Hot inactive samples_late amended v1']));
  });
});

describe('what is decided', () => {
  test('is in no checkpoint before the sink has it: nothing is lost where it was away, and the server died', async () => {
    const lab = await openJudged({ partitions: 1 });
    await tell(lab, 1, [FULL]);
    await lab.clock.advance(MINUTE_MS);
    lab.away = true;
    await push(lab, 'fill', 99);
    await lab.clock.advance(2 * MINUTE_MS);
    expect(told(lab)).toEqual([]);
    await lab.crash();
    lab.away = false;
    await lab.clock.advance(10 * SECOND_MS);
    expect(told(lab)).toEqual(['Full firing v1']);
    lab.away = true;
    await push(lab, 'fill', 20);
    await lab.clock.advance(MINUTE_MS);
    lab.away = false;
    await lab.clock.advance(10 * SECOND_MS);
    expect(told(lab)).toEqual(['Full firing v1', 'Full resolved v1']);
  });

  test('is brought again within seconds on a Durable Object, too, whose next checkpoint is minutes away', async () => {
    const lab = await openJudged({ partitions: 1, pace: OBJECT_PACE, timed: false });
    await tell(lab, 1, [FULL]);
    lab.away = true;
    await push(lab, 'fill', 99);
    expect(lab.shard.nextDueMs()).toBeLessThanOrEqual(lab.clock.nowMs() + SECOND_MS);
    lab.away = false;
    await lab.clock.advance(SECOND_MS);
    await finish(lab.clock, lab.shard.round());
    expect(told(lab)).toEqual(['Full firing v1']);
    expect(lab.shard.nextDueMs()).toBeGreaterThan(lab.clock.nowMs() + 10 * SECOND_MS);
  });

  test('is brought before a checkpoint that is past it, also where the run that decided it failed', async () => {
    let fails = 0;
    const sink = {
      closed() {},
      settled: (): Promise<void> | undefined => (fails-- > 0 ? Promise.reject(new Error('the store is away')) : undefined),
    };
    const lab = await openJudged({ partitions: 1, sink, timed: false });
    await tell(lab, 1, [FULL]);
    await lab.clock.advance(MINUTE_MS);
    fails = 1;
    await push(lab, 'fill', 99);
    await finish(lab.clock, lab.shard.catchUp());
    await lab.crash();
    await finish(lab.clock, lab.shard.catchUp());
    expect(told(lab)).toEqual(['Full firing v1']);
  });

  test('is told again with the same ids where the server dies before it has told it, or before it knows that it has', async () => {
    const stories: (readonly string[])[] = [];
    for (const dies of [false, true]) {
      const lab = await openJudged({ partitions: 1 });
      await tell(lab, 1, [HOT, FULL]);
      for (let i = 0; i < 12; i++) {
        await pushFor(lab, 1, 'heat', i < 6 ? 95 : 20);
        await push(lab, 'fill', i % 3 === 0 ? 99 : 20);
        if (dies) await lab.crash();
      }
      stories.push([...lab.kept.values()].map(({ id, to, onsetMs, atMs }) => [id, to, onsetMs, atMs].join(' ')));
      if (dies) expect(lab.told.length).toBeGreaterThan(lab.kept.size);
    }
    expect(stories[1]).toEqual(stories[0]);
    expect(stories[0]?.length).toBeGreaterThan(6);
  });
});

describe('memory', () => {
  const minute = (labels: number): JudgedMinute => ({
    tenant: 'default',
    client: 'web-1',
    datacenter: undefined,
    environment: undefined,
    skewMs: undefined,
    startMs: START_MS,
    logMs: START_MS + 3 * MINUTE_MS,
    complete: true,
    columns: () =>
      Array.from({ length: labels }, (_, i) => {
        const one = Float64Array.of(99);
        const [count, starts] = [Float64Array.of(1), Float64Array.of(START_MS)];
        const series = createSeries('heat', [['request', `r${i}`]], '', 'gauge');
        return { series, starts, count, sum: one, min: one, max: one, first: one, last: one, increase: count, revision: count };
      }),
  });

  test('holds so many alerts of one client, and what is beyond them is not told', () => {
    const judge = judgeOf([rule('Hot', 'avg(heat) > 90', { forMs: MINUTE_MS })]);
    judge.closed(minute(ALERT_LIMITS.alertsPerClientMax + 50));
    expect(judge.take().length).toBe(ALERT_LIMITS.alertsPerClientMax);
    const bytes = judge.snapshot();
    const other = judgeOf([rule('Hot', 'avg(heat) > 90', { forMs: MINUTE_MS })]);
    other.restore(bytes);
    expect(other.snapshot()).toEqual(bytes);
  });
});
