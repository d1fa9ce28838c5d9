/** Limits of series and clients: never passed, and given back to the last place when clients rest. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admitSeries } from '../../src/consumers/admit.ts';
import type { CardinalityLimits } from '../../src/consumers/cardinality.ts';
import { Intake } from '../../src/consumers/intake.ts';
import type { Shape } from '../../src/model/series.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { pushOf, seriesOf as seriesNamed, shapeOf } from './shapes.ts';

const LIMITS = { seriesPerClientMax: 5, clientsPerTenantMax: 3, seriesPerTenantMax: 12 };
const shapes = shapeInterner();
const letters = fc.subarray([...'abcdefgh']);
const pushes = fc.array(fc.tuple(fc.constantFrom('p', 'q', 'r', 's'), letters), { maxLength: 30 });

function open(limits: CardinalityLimits = LIMITS): Intake {
  return new Intake({ limits, partitions: 12, keeps: () => false });
}

/** Admits a push as the shard does: gives the series that are kept of it. */
function admit(intake: Intake, client: string, names: readonly string[], nowMs: number): string[] {
  const own = intake.enter('t', client);
  if (own === undefined) return [];
  const push = pushOf(
    shapes,
    names.map((name) => [name, 0, 1]),
    { client, tenant: 't' },
  );
  const admitted = admitSeries(push, own, shapes, nowMs);
  const kept = admitted.push.shape.series.map(({ name }) => name);
  const refused = admitted.rejected.map(({ index }) => names[index]);
  expect(names.filter((name) => !refused.includes(name))).toEqual(kept);
  expect(admitted.push.rejected).toEqual(refused.length === 0 ? [] : [['series_limit', refused.length]]);
  return kept;
}

function admitShape(intake: Intake, tenant: string, client: string, shape: Shape, nowMs: number): number[] | undefined {
  return intake.enter(tenant, client)?.admit(shape, nowMs);
}

function seriesOf(intake: Intake): number {
  return intake.tenant('t').cardinality.series;
}

describe('cardinality', () => {
  test('admits a new series exactly while client and tenant have room', () => {
    fc.assert(
      fc.property(pushes, (list) => {
        const intake = open();
        const model = new Map<string, Set<string>>();
        const total = (): number => [...model.values()].reduce((sum, keys) => sum + keys.size, 0);
        for (const [client, names] of list) {
          const isMet = model.has(client) || model.size < LIMITS.clientsPerTenantMax;
          const keys = model.get(client) ?? new Set<string>();
          // A client without series takes a place too: it pushes heartbeats.
          if (isMet) model.set(client, keys);
          const allowed = names.filter((name) => {
            const room = keys.size < LIMITS.seriesPerClientMax && total() < LIMITS.seriesPerTenantMax;
            if (isMet && room) keys.add(name);
            return isMet && keys.has(name);
          });
          expect(admit(intake, client, names, 0)).toEqual(allowed);
          expect(seriesOf(intake)).toBe(total());
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('gives back every place of clients that rest, whatever was refused before', () => {
    fc.assert(
      fc.property(pushes, (list) => {
        const intake = open();
        admit(intake, 'steady', ['x'], 0);
        for (const [client, names] of list) admit(intake, client, names, 0);
        admit(intake, 'steady', ['x'], 1_000);
        intake.sweep(500);
        expect([seriesOf(intake), intake.tenant('t').active]).toEqual([1, 1]);
        intake.sweep(1_001);
        expect([seriesOf(intake), intake.tenant('t').active]).toEqual([0, 0]);
      }),
    );
  });

  test('holds the places of a client over its limit as long as it pushes', () => {
    const intake = open();
    const many = [...'abcdefgh'];
    for (let nowMs = 0; nowMs < 10_000; nowMs += 1_000) {
      expect(admit(intake, 'p', many, nowMs)).toEqual(many.slice(0, 5));
      intake.sweep(nowMs - 5_000);
      expect(admit(intake, 'p', ['x', 'y'], nowMs)).toEqual([]);
    }
    expect(seriesOf(intake)).toBe(5);
  });

  test('cuts times and values with the series', () => {
    const intake = open({ ...LIMITS, seriesPerClientMax: 2 });
    const names = ['a', 'b', 'c'];
    admitShape(intake, 'default', 'web-1', shapeOf(['b', 'x'], shapes), 0);
    const client = intake.meet('default', 'web-1', true);
    const own = pushOf(
      shapes,
      names.map((name, i) => [name, i, i, i] as const),
    );
    const { values, timesMs, timesNs } = admitSeries(own, client, shapes, 0).push;
    expect([[...values], [...timesMs], [...(timesNs ?? [])]]).toEqual([[1], [1], [1]]);
    const shared = admitSeries(
      pushOf(
        shapes,
        names.map((name) => [name, 5, 1] as const),
      ),
      client,
      shapes,
      0,
    ).push;
    expect([[...shared.values], [...shared.timesMs]]).toEqual([[1], [5]]);
  });

  test('counts a series once for a client that alternates shapes, and frees what only an idle shape had', () => {
    const intake = open();
    for (let round = 0; round < 5; round++) {
      admit(intake, 'p', ['a', 'b', 'c'], round);
      admit(intake, 'p', ['c', 'd'], round);
    }
    expect(seriesOf(intake)).toBe(4);
    admit(intake, 'p', ['c', 'd'], 1_000);
    intake.sweep(1_000);
    expect(seriesOf(intake)).toBe(2);
    expect(admit(intake, 'p', ['e', 'f', 'g', 'h'], 1_000)).toEqual(['e', 'f', 'g']);
  });

  test('knows a shape again when the interner has forgotten it', () => {
    const intake = open();
    for (let i = 0; i < 3; i++) expect(admitShape(intake, 't', 'p', shapeOf(['a', 'b'], shapeInterner()), i)).toBeUndefined();
    expect(seriesOf(intake)).toBe(2);
    intake.sweep(2);
    expect(seriesOf(intake)).toBe(2);
  });

  test('counts a series once that stands twice in a push', () => {
    const intake = open();
    expect(admitShape(intake, 't', 'p', shapeOf(['c'], shapes), 0)).toBeUndefined();
    expect(admitShape(intake, 't', 'p', shapes.intern(seriesNamed(['a', 'a', 'b'])), 1)).toBeUndefined();
    expect(seriesOf(intake)).toBe(3);
    intake.sweep(1);
    expect(seriesOf(intake)).toBe(2);
    intake.sweep(2);
    expect(seriesOf(intake)).toBe(0);
  });

  test('of one tenant knows nothing of another', () => {
    const intake = open({ ...LIMITS, seriesPerTenantMax: 1 });
    expect(admitShape(intake, 't', 'p', shapeOf(['a']), 0)).toBeUndefined();
    expect(admitShape(intake, 'u', 'p', shapeOf(['a']), 0)).toBeUndefined();
    expect(admitShape(intake, 't', 'q', shapeOf(['a']), 0)).toEqual([0]);
  });
});
