/** What a backtest draws is what would have fired. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BacktestAnswer, TransitionAnswer } from '../../../../src/edge/dashboard/alerts/answers.ts';
import { axisMarks, blocksOf, firingStretches, lanesOf } from '../../../../src/edge/dashboard/alerts/backtest.ts';

function transition(
  alert: string,
  to: TransitionAnswer['to'],
  at_ms: number,
  part: Partial<TransitionAnswer> = {},
): TransitionAnswer {
  return {
    id: `${alert} ${at_ms}`,
    client_id: alert,
    datacenter: null,
    environment: null,
    group: 'g',
    rule: 'R',
    rules_version: 1,
    alert,
    severity: 'high',
    labels: {},
    annotations: {},
    from: 'inactive',
    to,
    amended: false,
    reason: null,
    onset_ms: at_ms,
    at_ms,
    window_ms: null,
    judged_ms: at_ms,
    values: {},
    explanations: [],
    ...part,
  };
}

describe('the stretches in which a rule fires', () => {
  it('a relapse and a loss of data are one firing', () => {
    const all = [
      transition('a', 'firing', 10),
      transition('a', 'recovering', 20),
      transition('a', 'firing', 30),
      transition('a', 'unknown', 40),
      transition('a', 'firing', 50),
      transition('a', 'resolved', 60),
    ];
    expect(firingStretches(all, 100)).toEqual(new Map([['g/R', [{ startMs: 10, endMs: 60 }]]]));
  });

  it('what has not ended reaches to the end, and amendments count for nothing', () => {
    const all = [
      transition('a', 'firing', 10),
      transition('a', 'resolved', 20, { amended: true }),
      transition('b', 'pending', 5),
    ];
    expect(firingStretches(all, 100)).toEqual(new Map([['g/R', [{ startMs: 10, endMs: 100 }]]]));
  });
});

describe('the blocks of a lane', () => {
  it('are as high as alerts fire at once', () => {
    const stretches = [
      { startMs: 0, endMs: 50 },
      { startMs: 25, endMs: 50 },
    ];
    expect(blocksOf(stretches, 0, 100, 4)).toEqual([
      { from: 0, to: 0.25, count: 1 },
      { from: 0.25, to: 0.5, count: 2 },
    ]);
  });

  it('a firing of a moment is seen, at the end too', () => {
    expect(blocksOf([{ startMs: 50, endMs: 50 }], 0, 100, 4)).toEqual([{ from: 0.5, to: 0.75, count: 1 }]);
    expect(blocksOf([{ startMs: 100, endMs: 100 }], 0, 100, 4)).toEqual([{ from: 0.75, to: 1, count: 1 }]);
  });

  it('lie within the lane, in order and apart, and no firing is missing', () => {
    const stretch = fc.tuple(fc.integer({ min: -20, max: 120 }), fc.integer({ min: 0, max: 60 }));
    fc.assert(
      fc.property(fc.array(stretch, { minLength: 1, maxLength: 20 }), (all) => {
        const stretches = all.map(([startMs, length]) => ({ startMs, endMs: startMs + length }));
        const blocks = blocksOf(stretches, 0, 100, 16);
        let before = 0;
        for (const { from, to, count } of blocks) {
          expect(from).toBeGreaterThanOrEqual(before);
          expect(to).toBeGreaterThan(from);
          expect(to).toBeLessThanOrEqual(1);
          expect(count).toBeGreaterThan(0);
          before = to;
        }
        expect(blocks.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('the lanes of a report', () => {
  const report: BacktestAnswer = {
    from_ms: 0,
    to_ms: 240,
    firings: 2,
    flaps: 0,
    pages: 3,
    rules: [
      { rule: 'g/Quiet', firings: 0, pages: 0, flaps: 0 },
      { rule: 'g/R', firings: 2, pages: 3, flaps: 0 },
    ],
    notes: [],
    transition_count: 2,
    transitions: [transition('a', 'firing', 0), transition('b', 'firing', 120)],
  };

  it('there is one for each rule, the loudest first', () => {
    const lanes = lanesOf(report);
    expect(lanes.map(({ rule, most, hosts }) => [rule, most, hosts])).toEqual([
      ['g/R', 2, 2],
      ['g/Quiet', 0, 0],
    ]);
    expect(lanes[0]?.severity).toBe('high');
  });

  it('marks of the axis stand on whole steps of the viewer', () => {
    const hour = 3_600_000;
    const { stepMs, marks } = axisMarks(hour / 2, 4.5 * hour, [hour / 2, hour, 2 * hour], 4, 0);
    expect(stepMs).toBe(hour);
    expect(marks.map(({ atMs }) => atMs)).toEqual([hour, 2 * hour, 3 * hour, 4 * hour]);
    expect(marks[0]?.place).toBeCloseTo(0.125);
  });
});
