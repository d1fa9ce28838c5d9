/** What every rate-limiter promises: what all edges together admit of a client in a second stays at its limit, and nobody else pays for it. */
import { describe, expect, test } from 'vitest';
import type { RateLimiter } from '../../../src/ports/rate-limiter.ts';

export interface OpenedLimiter {
  /** Another edge's way to the same counts; no two opened limiters share any. */
  edge(): RateLimiter;
  /** Lets time go by. */
  wait(ms: number): Promise<void>;
}

const LIMIT = 10;

/** @param open gives counts with nothing in them, and closes them behind the test. */
export function rateLimiterContract(name: string, open: () => Promise<OpenedLimiter>): void {
  const takeMany = async (count: number, take: (i: number) => Promise<number>): Promise<number[]> => {
    const waits: number[] = [];
    for (let i = 0; i < count; i++) waits.push(await take(i));
    return waits;
  };
  const admitted = (waits: readonly number[]): number => waits.filter((waitMs) => waitMs === 0).length;

  describe(`${name} as a rate-limiter`, () => {
    test('lets a client do as much as its limit says, and tells it when to come back for more', async () => {
      const opened = await open();
      const limiter = opened.edge();
      const waits = await takeMany(60, () => limiter.take('acme/web-1', LIMIT));
      expect(waits.slice(0, LIMIT)).toEqual(Array(LIMIT).fill(0));
      // A second may begin in between, which counts what came before it by its share.
      expect(admitted(waits)).toBeLessThanOrEqual(2 * LIMIT);
      for (const waitMs of waits) expect(waitMs).toBeLessThanOrEqual(1_000);
      expect(waits.at(-1)).toBeGreaterThan(0);
      await opened.wait(2_000);
      const again = await takeMany(LIMIT, () => limiter.take('acme/web-1', LIMIT));
      expect(admitted(again)).toBe(LIMIT);
    });

    test('counts what all edges admit together', async () => {
      const opened = await open();
      const edges = [opened.edge(), opened.edge(), opened.edge()];
      const waits = await takeMany(60, (i) => (edges[i % 3] as RateLimiter).take('acme/web-1', LIMIT));
      expect(waits.slice(0, LIMIT)).toEqual(Array(LIMIT).fill(0));
      expect(admitted(waits)).toBeLessThanOrEqual(2 * LIMIT);
    });

    test('counts each client by itself, and holds many that come at once to their limits', async () => {
      const opened = await open();
      const [one, other] = [opened.edge(), opened.edge()];
      const of = async (client: string, limit: number): Promise<number> =>
        admitted(
          await Promise.all(Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? one : other).take(`acme/${client}`, limit))),
        );
      const clients = ['web-1', 'web-2', 'ünicode:1', 'a b\n"c"', 'web-1/2'];
      const counts = await Promise.all(clients.map((client, i) => of(client, 2 + i)));
      for (const [i, count] of counts.entries()) {
        expect(count).toBeGreaterThanOrEqual(2 + i);
        expect(count).toBeLessThanOrEqual(2 * (2 + i));
      }
    });

    test('takes any limit, and a great many different ones', async () => {
      const limiter = (await open()).edge();
      for (let limit = 1; limit <= 300; limit++) expect(await limiter.take(`acme/of-${limit}`, limit)).toBe(0);
      expect(await limiter.take('acme/a', 1)).toBe(0);
      expect(await limiter.take('acme/b', 1_000_000)).toBe(0);
    });
  });
}
