/** Where clients' pushes came in: told of the clients that are known, and bounded. */
import { describe, expect, test } from 'vitest';
import { EdgePlaces } from '../../src/consumers/edge-places.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { ClientStatus } from '../../src/ports/metric-reader.ts';

const named = (...clients: string[]) => clients.map((client) => ({ client }) as ClientStatus);

describe('places at the edge', () => {
  test('are told of their own client and tenant, the last one that was heard', () => {
    const places = new EdgePlaces();
    places.note('acme', 'a', { colo: 'FRA', country: 'DE' });
    places.note('acme', 'a', { colo: 'MUC', country: 'DE' });
    places.note('acme', 'b', {});
    expect(places.withPlaces('acme', named('a', 'b'))).toEqual([
      { client: 'a', edge: { colo: 'MUC', country: 'DE' } },
      { client: 'b' },
    ]);
    expect(places.withPlaces('beta', named('a'))).toEqual([{ client: 'a' }]);
  });

  test('stay within their bound, and come back with the next push', () => {
    const places = new EdgePlaces();
    for (let i = 0; i <= LIMITS.edgePlacesMax; i++) places.note('acme', `${i}`, { colo: 'FRA' });
    expect(places.withPlaces('acme', named('0'))).toEqual([{ client: '0' }]);
    expect(places.withPlaces('acme', named(`${LIMITS.edgePlacesMax}`))).toMatchObject([{ edge: { colo: 'FRA' } }]);
  });
});
