/** The spool on its own: bounds, the held push, accounting. */
import { describe, expect, test } from 'vitest';
import { memorySpool, type Spool, type SpoolBounds } from '../../src/agent/spool.ts';

function filled(count: number, bounds: Partial<SpoolBounds> = {}): Spool {
  const spool = memorySpool({ spoolMs: 1e9, bytesMax: 1e9, ...bounds });
  for (let sequence = 0; sequence < count; sequence++) add(spool, sequence);
  return spool;
}

function add(spool: Spool, sequence: number): void {
  spool.add({ boot: 'b', sequence, samples: 10, spanMs: 10_000, body: new Uint8Array(100) });
}

/** The sequences that are left, oldest first. */
function drain(spool: Spool): number[] {
  const left: number[] = [];
  for (let push = spool.hold(); push !== undefined; push = spool.hold()) {
    left.push(push.sequence);
    spool.settle();
  }
  return left;
}

describe('bounds', () => {
  test('five minutes of ten-second pushes are thirty; the one more drops one, the oldest, and counts it', () => {
    const spool = filled(30, { spoolMs: 300_000 });
    expect(spool.status()).toMatchObject({ pushes: 30, dropped: { spool_age: 0 } });
    add(spool, 30);
    expect(spool.status()).toMatchObject({ pushes: 30, samples: 300, dropped: { spool_age: 10, spool_bytes: 0 } });
    expect(drain(spool)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });

  test('bytes are bounded to the byte', () => {
    expect(filled(10, { bytesMax: 1_000 }).status()).toMatchObject({ pushes: 10, dropped: { spool_bytes: 0 } });
    expect(filled(10, { bytesMax: 999 }).status()).toMatchObject({ pushes: 9, bytes: 900, dropped: { spool_bytes: 10 } });
  });

  test('a push greater than all bounds is dropped and counted, not kept', () => {
    expect(filled(3, { bytesMax: 50 }).status()).toMatchObject({ pushes: 0, bytes: 0, dropped: { spool_bytes: 30 } });
  });
});

describe('the held push', () => {
  test('is not dropped while it is held; the next oldest goes instead', () => {
    const spool = filled(3, { spoolMs: 30_000 });
    spool.hold();
    add(spool, 3);
    expect(spool.status().pushes).toBe(3);
    spool.settle();
    expect(drain(spool)).toEqual([2, 3]);
    expect(spool.status().dropped.spool_age).toBe(10);
  });

  test('falls under the bounds again once it is given back', () => {
    const spool = filled(1, { spoolMs: 10_000 });
    spool.hold();
    add(spool, 1);
    add(spool, 2);
    expect(spool.status()).toMatchObject({ pushes: 1, dropped: { spool_age: 20 } });
    spool.release();
    add(spool, 3);
    expect(drain(spool)).toEqual([3]);
  });

  test('can be settled once: a second time, or without one held, nothing happens', () => {
    const spool = filled(2);
    spool.settle();
    spool.hold();
    spool.settle('http_400');
    spool.settle('http_400');
    expect(spool.status()).toMatchObject({ pushes: 1, dropped: { http_400: 10 } });
  });
});
