/** The ledger against plain sets: what a client should have sent, what came, and how often. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ledger, type PushVerdict } from '../../src/consumers/ledger.ts';
import type { PushId } from '../../src/model/push.ts';

const BOOTS = 4;
const SEQUENCES = 256;
const HASHES = 16;

interface Boot {
  readonly name: string;
  /** Nothing is expected before it. */
  readonly first: number;
  highest: number;
  readonly received: Map<number, number>;
}

/** Remembers everything of the last four boots, and asks the bounds only when it judges. */
class Model {
  boots: Boot[] = [];
  readonly counts = { expected: 0, received: 0, duplicate: 0, late: 0, conflict: 0 };
  /** Expected less received of boots that are forgotten. */
  forgotten = 0;

  observe({ boot, sequence, previous }: PushId, hash: number): PushVerdict {
    const before = this.boots.find(({ name }) => name === previous?.boot);
    if (before !== undefined && previous !== undefined) this.#raise(before, previous.count - 1);
    const own = this.boots.find(({ name }) => name === boot) ?? this.#meet(boot, this.#mayBeBack(previous) ? sequence : 0);
    const age = own.highest - sequence;
    if (age >= 0 && age < SEQUENCES && own.received.has(sequence)) {
      this.counts.duplicate += 1;
      if (age >= HASHES || own.received.get(sequence) === hash) return 'duplicate';
      this.counts.conflict += 1;
      return 'conflict';
    }
    this.#raise(own, sequence);
    if (age < SEQUENCES) {
      if (sequence >= own.first) this.counts.received += 1;
      own.received.set(sequence, hash);
    }
    if (age <= 0) return 'new';
    this.counts.late += 1;
    return 'late';
  }

  #raise(boot: Boot, highest: number): void {
    this.counts.expected += Math.max(0, highest - boot.highest);
    boot.highest = Math.max(boot.highest, highest);
  }

  /** As many boots are known as can be, and not the one before it. */
  #mayBeBack(previous: PushId['previous']): boolean {
    return this.boots.length === BOOTS && this.boots.every(({ name }) => name !== previous?.boot);
  }

  #meet(name: string, first: number): Boot {
    const boot = { name, first, highest: first - 1, received: new Map<number, number>() };
    this.boots.push(boot);
    if (this.boots.length > BOOTS) {
      const gone = this.boots.shift();
      if (gone !== undefined) this.forgotten += missingOf(gone);
    }
    return boot;
  }

  /** Sequences up to the highest that never came, or came too late to be told from a repeat. */
  get lost(): number {
    return this.boots.reduce((sum, boot) => sum + missingOf(boot), this.forgotten);
  }
}

function missingOf({ first, highest, received }: Boot): number {
  return highest + 1 - first - [...received.keys()].filter((sequence) => sequence >= first).length;
}

const boot = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
/** Steps from the last sequence of a boot: mostly the next, some repeats, gaps, stragglers and leaps over the window. */
const move = fc.oneof(
  { weight: 10, arbitrary: fc.constant(1) },
  { weight: 5, arbitrary: fc.integer({ min: -20, max: 20 }) },
  { weight: 2, arbitrary: fc.integer({ min: -600, max: 300 }) },
);
const previous = fc.option(fc.record({ boot, ahead: fc.integer({ min: -3, max: 300 }) }), { nil: undefined, freq: 8 });
const pushes = fc.array(fc.tuple(boot, move, fc.nat(1), previous), { maxLength: 120, size: 'medium' });

describe('the ledger', () => {
  test('judges and counts as plain sets do: repeats, gaps, stragglers, restarts, many boots, misused ids', () => {
    fc.assert(
      fc.property(pushes, (list) => {
        const ledger = new Ledger();
        const model = new Model();
        const last = new Map<string, number>();
        for (const [name, by, hash, before] of list) {
          const sequence = Math.max(0, (last.get(name) ?? -1) + by);
          last.set(name, sequence);
          const count = Math.max(0, (last.get(before?.boot ?? '') ?? 0) + (before?.ahead ?? 0));
          const pushId = { boot: name, sequence, previous: before && { boot: before.boot, count } };
          const known = ledger.knows(pushId);
          const verdict = ledger.observe(pushId, hash, []);
          expect(verdict).toBe(model.observe(pushId, hash));
          if (before === undefined) expect(known).toBe(verdict === 'duplicate' || verdict === 'conflict');
          expect(ledger.pushes).toEqual(model.counts);
        }
        expect(ledger.pushes.expected).toBe(ledger.pushes.received + model.lost);
        expect(ledger.boots.map((one) => one.boot)).toEqual(model.boots.map((one) => one.name));
      }),
      { numRuns: 1_000 },
    );
  });

  test('knows every push of an agent that sends in order, and nothing is lost', () => {
    const ledger = new Ledger();
    for (let sequence = 0; sequence < 1_000; sequence++) ledger.observe({ boot: 'a', sequence, previous: undefined }, 7, []);
    expect(ledger.pushes).toEqual({ expected: 1_000, received: 1_000, duplicate: 0, late: 0, conflict: 0 });
    for (let sequence = 744; sequence < 1_000; sequence++) {
      expect(ledger.observe({ boot: 'a', sequence, previous: undefined }, 7, [])).toBe('duplicate');
    }
  });

  test('learns from the next boot how much of the one before never came', () => {
    const ledger = new Ledger();
    ledger.observe({ boot: 'a', sequence: 0, previous: undefined }, 0, []);
    ledger.observe({ boot: 'b', sequence: 0, previous: { boot: 'a', count: 5 } }, 0, []);
    expect(ledger.pushes).toMatchObject({ expected: 6, received: 2 });
    ledger.observe({ boot: 'a', sequence: 3, previous: undefined }, 0, []);
    expect(ledger.pushes).toMatchObject({ expected: 6, received: 3, late: 1 });
  });

  test('expects of agents that take turns under one client id, more than are remembered, what they sent and no more', () => {
    const ledger = new Ledger();
    for (let sequence = 0; sequence < 100; sequence++) {
      for (const boot of ['a', 'b', 'c', 'd', 'e', 'f']) ledger.observe({ boot, sequence, previous: undefined }, 0, []);
    }
    expect(ledger.pushes).toEqual({ expected: 600, received: 600, duplicate: 0, late: 0, conflict: 0 });
  });

  test('makes no loss up for a boot that it forgot and that comes back out of order', () => {
    const ledger = new Ledger();
    const send = (boot: string, sequence: number): PushVerdict => ledger.observe({ boot, sequence, previous: undefined }, 0, []);
    for (const boot of ['a', 'b', 'c', 'd', 'e']) send(boot, 0);
    expect([send('a', 3), send('a', 2), send('a', 2), send('a', 4)]).toEqual(['new', 'late', 'duplicate', 'new']);
    expect(ledger.pushes).toEqual({ expected: 7, received: 7, duplicate: 1, late: 1, conflict: 0 });
    expect(send('a', 6)).toBe('new');
    expect(ledger.pushes).toMatchObject({ expected: 9, received: 8 });
  });

  test('misses the first pushes of a boot whose predecessor it remembers, however many came before', () => {
    const ledger = new Ledger();
    for (const boot of ['a', 'b', 'c', 'd', 'e']) ledger.observe({ boot, sequence: 0, previous: undefined }, 0, []);
    ledger.observe({ boot: 'f', sequence: 3, previous: { boot: 'e', count: 1 } }, 0, []);
    expect(ledger.pushes).toMatchObject({ expected: 9, received: 6 });
  });

  test('counts pushes without an id as they come', () => {
    const ledger = new Ledger();
    for (let i = 0; i < 3; i++) expect(ledger.observe(undefined, 0, [])).toBe('new');
    expect(ledger.pushes).toEqual({ expected: 3, received: 3, duplicate: 0, late: 0, conflict: 0 });
  });

  test('counts what was rejected once, however often the push comes', () => {
    const ledger = new Ledger();
    const id = { boot: 'a', sequence: 0, previous: undefined };
    for (let i = 0; i < 3; i++) {
      ledger.observe(id, 0, [
        ['invalid_name', 2],
        ['series_limit', 1],
      ]);
    }
    expect([...ledger.rejected]).toEqual([
      ['invalid_name', 2],
      ['series_limit', 1],
    ]);
  });

  test('stays a ledger under sequences and counts at the edge of what a header can say', () => {
    const ledger = new Ledger();
    ledger.observe({ boot: 'a', sequence: 0, previous: undefined }, 0, []);
    for (let i = 0; i < 20; i++) {
      const pushId = { boot: `b${i}`, sequence: Number.MAX_SAFE_INTEGER, previous: { boot: 'a', count: 1e16 } };
      ledger.observe(pushId, 0, []);
      expect(ledger.observe(pushId, 0, [])).toBe('duplicate');
    }
    expect(Number.isSafeInteger(ledger.pushes.expected)).toBe(true);
  });
});
