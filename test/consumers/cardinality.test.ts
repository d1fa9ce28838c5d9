/** Limits of series and clients: never passed, and given back to the last place when clients rest. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admitSeries } from '../../src/consumers/admit.ts';
import { Cardinality } from '../../src/consumers/cardinality.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { pushOf, seriesOf, shapeOf } from './shapes.ts';

const LIMITS = { seriesPerClientMax: 5, clientsPerTenantMax: 3, seriesPerTenantMax: 12 };
const shapes = shapeInterner();
const letters = fc.subarray([...'abcdefgh']);
const pushes = fc.array(fc.tuple(fc.constantFrom('p', 'q', 'r', 's'), letters), { maxLength: 30 });

/** Admits a push as the shard does: gives the series that are kept of it. */
function admit(cardinality: Cardinality, client: string, names: readonly string[], nowMs: number): string[] {
  const push = pushOf(
    shapes,
    names.map((name) => [name, 0, 1]),
    { client, tenant: 't' },
  );
  const admitted = admitSeries(push, cardinality, shapes, nowMs);
  const kept = admitted.push.shape.series.map(({ name }) => name);
  const refused = admitted.rejected.map(({ index }) => names[index]);
  expect(names.filter((name) => !refused.includes(name))).toEqual(kept);
  expect(admitted.push.rejected).toEqual(refused.length === 0 ? [] : [['series_limit', refused.length]]);
  return kept;
}

describe('cardinality', () => {
  test('admits a new series exactly while client and tenant have room', () => {
    fc.assert(
      fc.property(pushes, (list) => {
        const cardinality = new Cardinality(LIMITS);
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
          expect(admit(cardinality, client, names, 0)).toEqual(allowed);
          expect(cardinality.seriesOf('t')).toBe(total());
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('gives back every place of clients that rest, whatever was refused before', () => {
    fc.assert(
      fc.property(pushes, (list) => {
        const cardinality = new Cardinality(LIMITS);
        admit(cardinality, 'steady', ['x'], 0);
        for (const [client, names] of list) admit(cardinality, client, names, 0);
        admit(cardinality, 'steady', ['x'], 1_000);
        cardinality.sweep(500);
        expect([cardinality.seriesOf('t'), cardinality.clients]).toEqual([1, 1]);
        cardinality.sweep(1_001);
        expect([cardinality.seriesOf('t'), cardinality.clients]).toEqual([0, 0]);
      }),
    );
  });

  test('holds the places of a client over its limit as long as it pushes', () => {
    const cardinality = new Cardinality(LIMITS);
    const many = [...'abcdefgh'];
    for (let nowMs = 0; nowMs < 10_000; nowMs += 1_000) {
      expect(admit(cardinality, 'p', many, nowMs)).toEqual(many.slice(0, 5));
      cardinality.sweep(nowMs - 5_000);
      expect(admit(cardinality, 'p', ['x', 'y'], nowMs)).toEqual([]);
    }
    expect(cardinality.seriesOf('t')).toBe(5);
  });

  test('cuts times and values with the series', () => {
    const cardinality = new Cardinality({ ...LIMITS, seriesPerClientMax: 2 });
    const names = ['a', 'b', 'c'];
    cardinality.admit('default', 'web-1', shapeOf(['b', 'x'], shapes), 0);
    const own = pushOf(
      shapes,
      names.map((name, i) => [name, i, i, i] as const),
    );
    const { values, timesMs, timesNs } = admitSeries(own, cardinality, shapes, 0).push;
    expect([[...values], [...timesMs], [...(timesNs ?? [])]]).toEqual([[1], [1], [1]]);
    const shared = admitSeries(
      pushOf(
        shapes,
        names.map((name) => [name, 5, 1] as const),
      ),
      cardinality,
      shapes,
      0,
    ).push;
    expect([[...shared.values], [...shared.timesMs]]).toEqual([[1], [5]]);
  });

  test('counts a series once for a client that alternates shapes, and frees what only an idle shape had', () => {
    const cardinality = new Cardinality(LIMITS);
    for (let round = 0; round < 5; round++) {
      admit(cardinality, 'p', ['a', 'b', 'c'], round);
      admit(cardinality, 'p', ['c', 'd'], round);
    }
    expect(cardinality.seriesOf('t')).toBe(4);
    admit(cardinality, 'p', ['c', 'd'], 1_000);
    cardinality.sweep(1_000);
    expect(cardinality.seriesOf('t')).toBe(2);
    expect(admit(cardinality, 'p', ['e', 'f', 'g', 'h'], 1_000)).toEqual(['e', 'f', 'g']);
  });

  test('knows a shape again when the interner has forgotten it', () => {
    const cardinality = new Cardinality(LIMITS);
    for (let i = 0; i < 3; i++) expect(cardinality.admit('t', 'p', shapeOf(['a', 'b'], shapeInterner()), i)).toBeUndefined();
    expect(cardinality.seriesOf('t')).toBe(2);
    cardinality.sweep(2);
    expect(cardinality.seriesOf('t')).toBe(2);
  });

  test('counts a series once that stands twice in a push', () => {
    const cardinality = new Cardinality(LIMITS);
    expect(cardinality.admit('t', 'p', shapeOf(['c'], shapes), 0)).toBeUndefined();
    expect(cardinality.admit('t', 'p', shapes.intern(seriesOf(['a', 'a', 'b'])), 1)).toBeUndefined();
    expect(cardinality.seriesOf('t')).toBe(3);
    cardinality.sweep(1);
    expect(cardinality.seriesOf('t')).toBe(2);
    cardinality.sweep(2);
    expect(cardinality.seriesOf('t')).toBe(0);
  });

  test('of one tenant knows nothing of another', () => {
    const cardinality = new Cardinality({ ...LIMITS, seriesPerTenantMax: 1 });
    expect(cardinality.admit('t', 'p', shapeOf(['a']), 0)).toBeUndefined();
    expect(cardinality.admit('u', 'p', shapeOf(['a']), 0)).toBeUndefined();
    expect(cardinality.admit('t', 'q', shapeOf(['a']), 0)).toEqual([0]);
  });
});
