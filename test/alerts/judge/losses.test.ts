/** What is lost on the way, and our own outage: nothing is resolved, paged or missed because of it. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import { MINUTE_MS } from '../../../src/model/window.ts';
import { START_MS } from '../../consumers/lab.ts';
import { seeded } from '../anomaly/series.ts';
import { Fleet, type Host, type JudgedLab, openJudged, STEP_MS } from './fleet.ts';

const CALM = 30;
const BUSY = 97;

/** Minutes [from, to) in which a metric is high. */
type Spans = readonly (readonly [from: number, to: number])[];

const isIn = (spans: Spans, sinceMs: number): boolean =>
  spans.some(([from, to]) => sinceMs >= from * MINUTE_MS && sinceMs < to * MINUTE_MS);

function hostOf(name: string, busy: Spans, more: Partial<Host> & { readonly full?: Spans; readonly offAt?: number } = {}): Host {
  const { full = [], offAt = Number.POSITIVE_INFINITY } = more;
  return {
    name,
    samples: (sinceMs) =>
      sinceMs >= offAt * MINUTE_MS
        ? undefined
        : { cpu: isIn(busy, sinceMs) ? BUSY : CALM, memory_used_percent: isIn(full, sinceMs) ? BUSY : CALM, load1: 1 },
    ...more,
  };
}

/** What was told of hosts, minutes since the start; but what is pending only. */
function storyOf(lab: JudgedLab): Record<string, string[]> {
  const story: Record<string, string[]> = {};
  for (const { client, rule, to, onsetMs, atMs, amended } of lab.kept.values()) {
    if (amended || to === 'pending' || to === 'inactive') continue;
    const own = story[client] ?? [];
    story[client] = own;
    own.push(`${rule} ${to} ${(onsetMs - START_MS) / MINUTE_MS} ${(atMs - START_MS) / MINUTE_MS}`);
  }
  return story;
}

describe('20 % of all pushes are lost for an hour', () => {
  const HOURS_END = 70;
  const fleet = (seed: number) => {
    const chance = seeded(seed);
    const kinds: Spans[] = [
      [],
      [[8, 20]],
      [
        [5, 10],
        [25, 32],
        [45, 58],
      ],
      [
        [3, 7],
        [18, 22],
        [34, 38],
        [50, 54],
      ],
      [[4, 59]],
    ];
    return Array.from({ length: 20 }, (_, i) => {
      const lost = Array.from({ length: 500 }, () => chance() < 0.2);
      const busy = kinds[i % kinds.length] ?? [];
      return { busy, lost, host: hostOf(`h${i}`, busy, { arrives: (sequence) => lost[sequence] !== true }) };
    });
  };

  test.each([1, 2])('and nothing is resolved or fires falsely, and nothing is missed: seed %i', async (seed) => {
    const lab = await openJudged({ partitions: 2 });
    const own = fleet(seed);
    const hosts = new Fleet(
      lab,
      own.map(({ host }) => host),
    );
    await hosts.until(HOURS_END);
    const transitions = [...lab.kept.values()].filter(({ amended }) => !amended);
    expect(transitions.filter(({ rule }) => rule === 'HostSilent')).toEqual([]);
    let fired = 0;
    own.forEach(({ busy, lost, host: { name } }, i) => {
      const ofHost = transitions.filter(({ client }) => client === name);
      const minuteOf = (ms: number): number => (ms - START_MS) / MINUTE_MS;
      const isBusyAt = (ms: number): boolean => isIn(busy, ms - 1 - START_MS);
      for (const { to, atMs } of ofHost) {
        if (to === 'resolved') expect(isBusyAt(atMs), `${name} resolved at ${minuteOf(atMs)}`).toBe(false);
        if (to === 'firing' || to === 'recovering') expect(isBusyAt(atMs), `${name} ${to} at ${minuteOf(atMs)}`).toBe(true);
        if (to === 'unknown') expect(isBusyAt(atMs), `${name} unknown at ${minuteOf(atMs)}`).toBe(false);
      }
      const seen = (minute: number): boolean =>
        lost.some((isLost, sequence) => {
          const atMs = sequence * STEP_MS + ((10 - (i % 10)) % 10) * 1000;
          return !isLost && Math.floor(atMs / MINUTE_MS) === minute;
        });
      // One that nobody could say was over goes on when it is seen again.
      const firings = ofHost.filter(({ from, to }) => to === 'firing' && from === 'pending');
      const goesOn = (minute: number): boolean =>
        ofHost.some(({ from, to, atMs }) => from === 'unknown' && to === 'firing' && minuteOf(atMs) === minute + 1);
      const expected = busy.flatMap(([from, to]) => {
        const visible = Array.from({ length: to - from }, (_, m) => from + m).filter(seen);
        const first = visible[0] ?? to;
        const firesAt = visible.find((minute) => minute + 1 - first >= 5);
        return firesAt === undefined || goesOn(first) ? [] : [[first, firesAt + 1]];
      });
      expect(
        firings.map(({ onsetMs, atMs }) => [minuteOf(onsetMs), minuteOf(atMs)]),
        name,
      ).toEqual(expected);
      fired += firings.length;
      for (const { atMs, judgedMs } of firings) expect(judgedMs - atMs).toBeLessThanOrEqual(LIMITS.windowCloseLagMs + MINUTE_MS);
    });
    expect(fired).toBeGreaterThanOrEqual(16);
  });
});

describe('the server is down for ten minutes under 100 agents', () => {
  const [DOWN, UP, END] = [10, 20, 40];
  /** What each kind of host measures, and all that may be told of it. */
  const KINDS: readonly { readonly of: (name: string) => Host; readonly story: readonly string[] | undefined }[] = [
    { of: (name) => hostOf(name, []), story: undefined },
    { of: (name) => hostOf(name, [[2, 30]]), story: ['HighCpu firing 2 7', 'HighCpu resolved 2 31'] },
    { of: (name) => hostOf(name, [[12, 17]]), story: ['HighCpu firing 12 17', 'HighCpu resolved 12 18'] },
    { of: (name) => hostOf(name, [[3, 13]]), story: ['HighCpu firing 3 8', 'HighCpu resolved 3 14'] },
    {
      of: (name) =>
        hostOf(name, [
          [11, 14],
          [16, 20],
        ]),
      story: undefined,
    },
    { of: (name) => hostOf(name, [[7, 24]]), story: ['HighCpu firing 7 12', 'HighCpu resolved 7 25'] },
    { of: (name) => hostOf(name, [], { full: [[13, 15]] }), story: ['HighMemory firing 13 15', 'HighMemory resolved 13 16'] },
    { of: (name) => hostOf(name, [[18, 26]]), story: ['HighCpu firing 18 23', 'HighCpu resolved 18 27'] },
  ];

  test.each([
    ['killed', false],
    ['stopped', true],
  ])('it is %s: no page is false, none is missed, nothing is resolved or unknown that is not', async (_how, stops) => {
    const lab = await openJudged({ partitions: 2 });
    const kinds = Array.from({ length: 98 }, (_, i) => KINDS[i % KINDS.length] as (typeof KINDS)[number]);
    const dying = [hostOf('dies-before', [], { offAt: 8 }), hostOf('dies-within', [], { offAt: 15 })];
    const fleet = new Fleet(lab, [...kinds.map(({ of }, i) => of(`h${i}`)), ...dying]);
    await fleet.until(DOWN);
    await fleet.downUntil(UP, stops);
    await fleet.until(END);
    const story = storyOf(lab);
    const silent = ['dies-before', 'dies-within'].map((name) =>
      story[name]?.map((line) => line.split(' ').slice(0, 2).join(' ')),
    );
    expect(silent).toEqual([['HostSilent firing'], ['HostSilent firing']]);
    for (const name of ['dies-before', 'dies-within']) delete story[name];
    const expected = kinds.flatMap(({ story: own }, i) => (own === undefined ? [] : [[`h${i}`, own] as const]));
    expect(story).toEqual(Object.fromEntries(expected));
  });

  test('and the spools keep five minutes: what is left of a condition fires, what is lost is unknown at most', async () => {
    const lab = await openJudged({ partitions: 2 });
    const spoolMs = 5 * MINUTE_MS;
    const hosts = [
      hostOf('calm', [], { spoolMs }),
      hostOf('burns', [[2, 30]], { spoolMs }),
      hostOf('ends-unseen', [[3, 13]], { spoolMs }),
      hostOf('begins-late', [[16, 24]], { spoolMs }),
      hostOf('too-short', [[17, 20]], { spoolMs }),
    ];
    const fleet = new Fleet(lab, hosts);
    await fleet.until(DOWN);
    await fleet.downUntil(UP, false);
    await fleet.until(END);
    expect(storyOf(lab)).toEqual({
      burns: ['HighCpu firing 2 7', 'HighCpu resolved 2 31'],
      'ends-unseen': ['HighCpu firing 3 8', 'HighCpu unknown 3 16', 'HighCpu resolved 3 17'],
      'begins-late': ['HighCpu firing 16 21', 'HighCpu resolved 16 25'],
    });
  });
});
