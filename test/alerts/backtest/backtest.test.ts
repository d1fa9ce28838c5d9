/** Rules over stored history: what is counted, what is left out, and what it costs at most. */
import { describe, expect, test } from 'vitest';
import { memoryMetricReader } from '../../../src/adapters/memory/metric-reader.ts';
import type { RuleSpec, Transition } from '../../../src/model/alert.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/model/window.ts';
import type { MetricReader } from '../../../src/ports/metric-reader.ts';
import { shapeInterner } from '../../../src/protocols/log-record.ts';
import { pushOf } from '../../consumers/shapes.ts';
import { isReport, reportOf, rule, START_MS, tried } from './history.ts';

const CPU = rule('Cpu', 'avg(cpu) > 80', { forMs: 2 * MINUTE_MS });

/** One value for each 10 s from `fromMs` on; undefined: nothing is sent. */
function stored(hosts: Readonly<Record<string, readonly (number | undefined)[]>>, fromMs = START_MS): MetricReader {
  const shapes = shapeInterner();
  const kept = Object.entries(hosts).flatMap(([client, values]) =>
    values.flatMap((value, i) => {
      if (value === undefined) return [];
      const push = pushOf(shapes, [['cpu', fromMs + i * 10_000, value]], { client, datacenter: 'fra' });
      return [{ push, refused: new Set<number>() }];
    }),
  );
  const nowMs = fromMs + Math.max(...Object.values(hosts).map(({ length }) => length)) * 10_000 + HOUR_MS;
  return memoryMetricReader({ clock: { nowMs: () => nowMs, schedule: () => () => {} }, kept });
}

function minutes(count: number, value: number | undefined): (number | undefined)[] {
  return new Array<number | undefined>(count * 6).fill(value);
}

/** A reader whose samples are gone. */
function withoutSamples(reader: MetricReader): MetricReader {
  return { ...reader, async *samples() {} };
}

function kinds(transitions: readonly Transition[]): string[] {
  return transitions.map(({ client, from, to }) => `${client} ${from} ${to}`);
}

describe('a backtest', () => {
  test('tells of each host, in the order of time, with times of the past and what was read', async () => {
    const reader = stored({
      b: [...minutes(5, 10), ...minutes(5, 95), ...minutes(10, 10)],
      a: [...minutes(12, 10), ...minutes(5, 90), ...minutes(5, 10)],
    });
    const { transitions, firings, flaps, rules } = await reportOf(reader, [CPU]);
    expect(kinds(transitions)).toEqual([
      'b inactive pending',
      'b pending firing',
      'b firing resolved',
      'a inactive pending',
      'a pending firing',
      'a firing resolved',
    ]);
    expect(transitions[1]).toMatchObject({
      onsetMs: START_MS + 5 * MINUTE_MS,
      atMs: START_MS + 7 * MINUTE_MS,
      judgedMs: START_MS + 7 * MINUTE_MS + 10_000,
      datacenter: 'fra',
      values: { 'avg(cpu)': 95 },
    });
    expect({ firings, flaps, rules }).toEqual({
      firings: 2,
      flaps: 0,
      rules: [{ rule: 'g/Cpu', firings: 2, pages: 0, flaps: 0 }],
    });
  });

  test('gives the page stage all transitions by time and the end of its clock, and says what that counts', async () => {
    const reader = stored({ a: [...minutes(5, 95), ...minutes(5, 10)], b: [...minutes(5, 95), ...minutes(5, 10)] });
    const told: { judged: number[]; toMs: number }[] = [];
    const pages = {
      count: async (transitions: readonly Transition[], toMs: number) => {
        told.push({ judged: transitions.map(({ judgedMs }) => judgedMs), toMs });
        return { total: 1, byRule: new Map([['g/Cpu', 1]]) };
      },
    };
    const report = await reportOf(reader, [CPU], { pages });
    expect(told).toHaveLength(1);
    expect(told[0]?.toMs).toBe(report.toMs);
    expect(told[0]?.judged).toEqual([...(told[0]?.judged ?? [])].sort((one, other) => one - other));
    expect(report).toMatchObject({ firings: 2, pages: 1, rules: [{ rule: 'g/Cpu', firings: 2, pages: 1 }] });
  });

  test('counts as a flap what fires again within half an hour of its last firing', async () => {
    const wave = [...minutes(3, 95), ...minutes(3, 10)];
    const reader = stored({ a: [...wave, ...wave, ...minutes(35, 10), ...wave] });
    const { firings, flaps } = await reportOf(reader, [CPU]);
    expect({ firings, flaps }).toEqual({ firings: 3, flaps: 1 });
  });

  test('knows what was pending or firing at its start, and leaves out what was said before', async () => {
    const reader = stored({ a: [...minutes(30, 95), ...minutes(10, 10)] });
    const fromMs = START_MS + 2 * MINUTE_MS;
    const { transitions, notes } = await reportOf(reader, [CPU], { fromMs });
    // Pending before, firing when the second minute had closed.
    expect(kinds(transitions)).toEqual(['a pending firing', 'a firing resolved']);
    expect(notes.join()).toContain('Rules ran from');
  });

  test('stops its clock at the end: what would be judged later is not', async () => {
    const reader = stored({ a: minutes(30, 95) });
    const secondCloses = START_MS + 2 * MINUTE_MS + 10_000;
    expect(kinds((await reportOf(reader, [CPU], { toMs: secondCloses })).transitions)).toEqual(['a inactive pending']);
    expect(kinds((await reportOf(reader, [CPU], { toMs: secondCloses + 1 })).transitions)).toHaveLength(2);
  });

  test('calls a host silent when it says nothing, once, and heard when it is back', async () => {
    const silent = rule('Silent', 'silence() > 300');
    const reader = stored({ a: [...minutes(10, 10), ...minutes(20, undefined), ...minutes(10, 10)] });
    const { transitions, notes } = await reportOf(reader, [silent], { toMs: START_MS + 40 * MINUTE_MS });
    expect(kinds(transitions)).toEqual(['a inactive firing', 'a firing resolved']);
    expect(transitions[0]?.onsetMs).toBe(START_MS + 10 * MINUTE_MS - 10_000);
    expect(Math.abs((transitions[0]?.atMs ?? 0) - (START_MS + 15 * MINUTE_MS))).toBeLessThanOrEqual(10_000);
    expect(notes.join()).toContain('No host has data for 20 minutes from 2026-10-27T12:10:00Z on');
  });

  test('judges minutes where samples are gone, and says so where a rule needs them', async () => {
    const atOnce = rule('Now', 'last(cpu) > 80');
    const values = [...minutes(5, 10), ...minutes(5, 95), ...minutes(10, 10)];
    const withAll = await reportOf(stored({ a: values }), [CPU, atOnce]);
    const without = await reportOf(withoutSamples(stored({ a: values })), [CPU, atOnce]);
    const ofCpu = (transitions: readonly Transition[]) => transitions.filter(({ rule: name }) => name === 'Cpu');
    expect(ofCpu(without.transitions).map(({ id }) => id)).toEqual(ofCpu(withAll.transitions).map(({ id }) => id));
    expect(withAll.notes.join()).not.toContain('no samples are left');
    expect(without.notes.join()).toContain('Of 20 minutes of hosts no samples are left');
    expect(withAll.rules.find((one) => one.rule === 'g/Now')?.firings).toBe(1);
  });

  test('says nothing of hosts without data, and nothing at all between equal times', async () => {
    const reader = stored({ a: minutes(5, 95) }, START_MS - 10 * DAY_MS);
    expect(await reportOf(reader, [CPU])).toMatchObject({ transitions: [], firings: 0, pages: 0 });
    const none: MetricReader = { ...reader, clients: () => Promise.reject(new Error('nothing is read')) };
    expect(await reportOf(none, [CPU], { toMs: START_MS })).toMatchObject({ transitions: [], firings: 0 });
  });

  test('takes two weeks before its start into account where a rule reads an anomaly', async () => {
    const spike = rule('Strange', 'anomaly(cpu) > 4', { forMs: 2 * MINUTE_MS });
    const reader = stored({ a: [...minutes(120, 20), ...minutes(5, 80), ...minutes(20, 20)] }, START_MS - 2 * HOUR_MS);
    const { transitions } = await reportOf(reader, [spike]);
    expect(transitions.map(({ to }) => to)).toContain('firing');
    expect(transitions.find(({ to }) => to === 'firing')?.explanations[0]).toMatch(/× the usual spread of the last hours/);
  });
});

describe('the work of a backtest', () => {
  const busy: readonly RuleSpec[] = [rule('Busy', 'avg(cpu) > 50', { forMs: MINUTE_MS })];

  test('is refused before it begins where the hosts have too many minutes', async () => {
    const hours = Math.ceil(ALERT_LIMITS.backtestHostMinutesMax / 60 / 40) + 1;
    const few = stored({ a: minutes(1, 10) });
    const reader: MetricReader = {
      ...few,
      async *windows(query) {
        expect(query.resolution).toBe('1h');
        for (let host = 0; host < 40; host++) {
          for await (const one of few.windows(query)) {
            const [first] = one.columns;
            const starts = Float64Array.from({ length: hours }, (_, i) => START_MS - i * HOUR_MS);
            if (first !== undefined) yield { ...one, client: `h${host}`, columns: [{ ...first, starts }] };
          }
        }
      },
    };
    const outcome = await tried(reader, busy);
    expect(isReport(outcome)).toBe(false);
    expect(outcome).toEqual([{ line: 0, path: '', message: expect.stringContaining('choose a shorter time') }]);
  });

  test('is given up where its alerts say so much that they would fill memory', async () => {
    const reader = stored({ a: Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? 95 : 10)) });
    const labels = { big: 'x'.repeat(ALERT_LIMITS.backtestTextLengthMax / 20) };
    const flappy = rule('Flappy', 'last(cpu) > 80', { labels });
    const outcome = await tried(reader, [flappy]);
    expect(isReport(outcome) ? outcome.transitions.length : outcome[0]?.message).toContain('say too much');
    expect(isReport(await tried(reader, [{ ...flappy, labels: {} }]))).toBe(true);
  });

  test('lets others in after each hour of each host, and ends when it is told to', async () => {
    let breaths = 0;
    const reader = stored({ a: minutes(180, 10), b: minutes(180, 10) });
    const breathe = async (): Promise<void> => {
      breaths += 1;
    };
    await reportOf(reader, busy, { toMs: START_MS + 3 * HOUR_MS, breathe });
    expect(breaths).toBeGreaterThanOrEqual(2 * 3);
    const over = tried(reader, busy, { breathe: () => Promise.reject(new Error('over')) });
    await expect(over).rejects.toThrow('over');
  });

  test('reads a host in pieces of at most six hours', async () => {
    const spans: number[] = [];
    const reader = stored({ a: minutes(60, 10) });
    const watched: MetricReader = {
      ...reader,
      windows(query) {
        if (query.resolution === '1m') spans.push(query.endMs - query.startMs);
        return reader.windows(query);
      },
    };
    await reportOf(watched, busy, { toMs: START_MS + 2 * DAY_MS });
    expect(spans.length).toBeGreaterThan(0);
    expect(Math.max(...spans)).toBeLessThanOrEqual(6 * HOUR_MS);
  });
});
