/** Live and backtest over the same data: the same transitions. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryMetricReader } from '../../../src/adapters/memory/metric-reader.ts';
import type { RuleSpec, Transition } from '../../../src/model/alert.ts';
import { MINUTE_MS } from '../../../src/model/window.ts';
import { shapeInterner } from '../../../src/protocols/log-record.ts';
import { pushOf } from '../../consumers/shapes.ts';
import { seeded } from '../anomaly/series.ts';
import { type Arrival, live, reportOf, rule, START_MS } from './history.ts';

const RULES: readonly RuleSpec[] = [
  rule('Cpu', 'avg(cpu) > 80', { forMs: 2 * MINUTE_MS, clear: 'avg(cpu) < 70' }),
  rule('CpuKept', 'max(cpu) > 85', { forMs: MINUTE_MS, keepFiringForMs: 2 * MINUTE_MS }),
  rule('Memory', 'last(memory_used_percent) > 80', { clear: 'max(memory_used_percent) < 75' }),
  rule('Both', 'avg(cpu) > 60 && avg(memory_used_percent) > 60', {
    forMs: MINUTE_MS,
    overrides: [{ match: { host: 'b' }, forMs: 0 }],
  }),
  rule('Strange', 'anomaly(cpu) > 4', { forMs: MINUTE_MS }),
  rule('NoMemory', 'absent(memory_used_percent)', { forMs: 2 * MINUTE_MS }),
  rule('Silent', 'silence() > 120'),
];
const MINUTES = 60;
const END_MS = START_MS + MINUTES * MINUTE_MS;

interface Life {
  readonly seed: number;
  /** Longest way of a push, ms. */
  readonly delayMs: number;
  /** How long a push may be held back, minutes; 0: never. */
  readonly lateMinutes: number;
  readonly clients: number;
}

/** Three values in a walk that stays in regimes for minutes, gaps of one to six minutes, metrics that are left out for a while. */
function arrivalsOf({ seed, delayMs, lateMinutes, clients }: Life): Arrival[] {
  const shapes = shapeInterner();
  const arrivals: Arrival[] = [];
  for (let client = 0; client < clients; client++) {
    const chance = seeded(seed * 31 + client);
    let [cpu, memory, until, hasMemory] = [40, 40, 0, true];
    let atMs = START_MS + Math.floor(chance() * 10_000);
    while (atMs < END_MS) {
      if (atMs >= until) {
        [cpu, memory] = [20 + 75 * chance(), 20 + 75 * chance()];
        hasMemory = chance() < 0.8;
        until = atMs + Math.floor(1 + 6 * chance()) * MINUTE_MS;
        // Never near the times at which something is said of a silence: live says so with the next record, backtest by its own clock.
        const gapMs = chance() < 0.25 ? ([70_000, 90_000, 200_000, 270_000, 400_000][Math.floor(chance() * 5)] ?? 0) : 0;
        if (atMs + gapMs < END_MS - MINUTE_MS) atMs += gapMs;
      }
      const samples = [
        ['cpu', atMs, cpu + 10 * chance()] as const,
        ...(hasMemory ? [['memory_used_percent', atMs, memory + 10 * chance()] as const] : []),
      ];
      const heldMs = lateMinutes > 0 && chance() < 0.03 ? Math.floor(chance() * lateMinutes * MINUTE_MS) : 0;
      const logMs = atMs + Math.floor(chance() * delayMs) + heldMs;
      arrivals.push({ logMs, push: pushOf(shapes, samples, { client: 'abc'[client] ?? 'd', arrivalMs: logMs }) });
      atMs += 10_000;
    }
  }
  return arrivals.filter(({ logMs }) => logMs < END_MS);
}

/** By window or sample: decided by event time alone. */
function byData(transitions: readonly Transition[]): unknown[] {
  return transitions
    .filter(({ rule: name, reason }) => name !== 'Silent' && reason === undefined)
    .map(({ judgedMs: _, rulesVersion: __, ...rest }) => rest)
    .sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
}

/** By log time: what happened, to the scan and tick. */
function byClock(
  transitions: readonly Transition[],
): { readonly what: string; readonly atMs: number; readonly onsetMs: number }[] {
  return transitions
    .filter(({ rule: name, reason }) => name === 'Silent' || reason !== undefined)
    .map(({ client, rule: name, from, to, reason, atMs, onsetMs }) => ({
      what: [client, name, from, to, reason].join(' '),
      atMs,
      onsetMs,
    }))
    .sort((a, b) => (a.what < b.what ? -1 : a.what > b.what ? 1 : a.atMs - b.atMs));
}

describe('live and backtest', () => {
  test('over the same data where nothing was late give the same transitions: ids, states, onset, time, values', async () => {
    let judged = 0;
    const life = fc.record({ seed: fc.nat(), delayMs: fc.constantFrom(0, 300, 900), clients: fc.integer({ min: 1, max: 3 }) });
    await fc.assert(
      fc.asyncProperty(life, async (one) => {
        const arrivals = arrivalsOf({ ...one, lateMinutes: 0 });
        const lived = await live(arrivals, RULES, END_MS);
        expect(lived.corrected).toBe(0);
        const clock = { nowMs: () => END_MS, schedule: () => () => {} };
        const kept = arrivals.map(({ push }) => ({ push, refused: new Set<number>() }));
        for (const reader of [lived.reader, memoryMetricReader({ clock, kept })]) {
          const { transitions, notes } = await reportOf(reader, RULES, { toMs: END_MS });
          expect(byData(transitions)).toEqual(byData(lived.transitions));
          expect(notes.join()).not.toContain('corrected');
          const [then, now] = [byClock(lived.transitions), byClock(transitions)];
          expect(now.map(({ what }) => what)).toEqual(then.map(({ what }) => what));
          for (const [i, { atMs, onsetMs }] of now.entries()) {
            expect(Math.abs(atMs - (then[i]?.atMs ?? 0))).toBeLessThanOrEqual(25_000);
            expect(Math.abs(onsetMs - (then[i]?.onsetMs ?? 0))).toBeLessThanOrEqual(25_000);
          }
        }
        judged += lived.transitions.length;
      }),
      { numRuns: 8 },
    );
    // The histories are worth something: dozens of transitions each.
    expect(judged).toBeGreaterThan(8 * 10);
  });

  test('differ where samples came late, and the report says of how many minutes', async () => {
    let corrections = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const lived = await live(arrivalsOf({ seed, delayMs: 300, lateMinutes: 20, clients: 2 }), RULES, END_MS);
        const { transitions, notes } = await reportOf(lived.reader, RULES, { toMs: END_MS });
        const windows = lived.reader.windows({
          tenant: 'default',
          client: undefined,
          metric: undefined,
          labels: {},
          startMs: START_MS,
          endMs: END_MS,
          resolution: '1m',
          open: false,
        });
        let corrected = 0;
        for await (const { columns } of windows) {
          const revised = columns.flatMap(({ starts, revision }) => [...starts].filter((_, i) => (revision[i] ?? 0) > 1));
          corrected += new Set(revised).size;
        }
        corrections += corrected;
        expect(notes.some((note) => note.startsWith(`${corrected} minutes of hosts were corrected`))).toBe(corrected > 0);
        expect(transitions.every(({ amended }) => !amended)).toBe(true);
        // Where nothing was corrected or late, nothing differs.
        if (lived.corrected === 0) expect(byData(transitions)).toEqual(byData(lived.transitions));
      }),
      { numRuns: 8 },
    );
    expect(corrections).toBeGreaterThan(0);
  });
});
