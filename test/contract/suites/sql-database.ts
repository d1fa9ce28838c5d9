/** The contract of the sql-database port. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SqlDatabase, SqlRow, SqlValue } from '../../../src/ports/sql-database.ts';

const value: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Number.isInteger(number)),
  fc.string({ unit: 'grapheme' }),
  fc.uint8Array(),
  fc.constant(null),
);

/** Rows as plain objects: adapters may answer with other prototypes. */
function plain(rows: readonly SqlRow[]): SqlRow[] {
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([key, one]) => [key, one instanceof Uint8Array ? new Uint8Array(one) : one])),
  );
}

/** @param open answers an empty database each time. */
export function describeSqlDatabase(name: string, open: () => SqlDatabase): void {
  const opened = (): SqlDatabase => {
    const database = open();
    database.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b) WITHOUT ROWID');
    return database;
  };

  describe(`sql-database: ${name}`, () => {
    test('values come back as they went in: integers to 2^53, fractions, strings, bytes, null', () => {
      const database = opened();
      fc.assert(
        fc.property(value, (one) => {
          database.exec('INSERT OR REPLACE INTO t VALUES (1, ?)', one);
          expect(plain(database.exec('SELECT b FROM t'))).toEqual([{ b: one }]);
        }),
      );
    });

    test('bytes are copied in and out', () => {
      const database = opened();
      const bytes = new Uint8Array([1, 2, 3]);
      database.exec('INSERT INTO t VALUES (1, ?)', bytes);
      bytes[0] = 9;
      const [first] = database.exec<{ b: Uint8Array }>('SELECT b FROM t');
      first?.b.fill(7);
      expect(plain(database.exec('SELECT b FROM t'))).toEqual([{ b: new Uint8Array([1, 2, 3]) }]);
    });

    test('a view of a larger buffer is stored as the view', () => {
      const database = opened();
      database.exec('INSERT INTO t VALUES (1, ?)', new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
      expect(plain(database.exec('SELECT b FROM t'))).toEqual([{ b: new Uint8Array([2, 3]) }]);
    });

    test('a statement takes 100 parameters', () => {
      const database = opened();
      const numbers = Array.from({ length: 100 }, (_, place) => place);
      const [row] = database.exec<{ sum: number }>(`SELECT ${numbers.map(() => '?').join('+')} AS sum`, ...numbers);
      expect(row?.sum).toBe(4950);
    });

    test('a statement without rows answers none, one with RETURNING what it touched', () => {
      const database = opened();
      expect(database.exec('INSERT INTO t VALUES (1, 2)')).toEqual([]);
      expect(plain(database.exec('INSERT INTO t VALUES (2, 3) RETURNING a'))).toEqual([{ a: 2 }]);
      expect(plain(database.exec('DELETE FROM t RETURNING a'))).toEqual([{ a: 1 }, { a: 2 }]);
    });

    test('a wrong statement throws, and the database can still be used', () => {
      const database = opened();
      expect(() => database.exec('SELECT nothing FROM nowhere')).toThrow();
      database.exec('INSERT INTO t VALUES (1, 2)');
      expect(() => database.exec('INSERT INTO t VALUES (1, 3)')).toThrow();
      expect(plain(database.exec('SELECT b FROM t'))).toEqual([{ b: 2 }]);
    });

    test('what is written ahead is read at once, and told in order when it survives', async () => {
      const database = opened();
      const told: number[] = [];
      const writes = [1, 2, 3].map((row) => database.write('INSERT INTO t VALUES (?, ?)', row, row).then(() => told.push(row)));
      expect(database.exec('SELECT a FROM t')).toHaveLength(3);
      database.transaction(() => database.exec('INSERT INTO t VALUES (4, 4)'));
      await Promise.all(writes);
      expect(told).toEqual([1, 2, 3]);
      await database.write('DELETE FROM t WHERE a < ?', 4);
      expect(plain(database.exec('SELECT a FROM t'))).toEqual([{ a: 4 }]);
    });

    test('a write that is wrong throws at once, keeps nothing, and others go on', async () => {
      const database = opened();
      await database.write('INSERT INTO t VALUES (1, 1)');
      expect(() => database.write('INSERT INTO t VALUES (1, 2)')).toThrow();
      expect(() => database.write('INSERT INTO nowhere VALUES (1)')).toThrow();
      await database.write('INSERT INTO t VALUES (2, 2)');
      expect(plain(database.exec('SELECT b FROM t'))).toEqual([{ b: 1 }, { b: 2 }]);
    });

    test('a transaction keeps all of it and hands on what its body returns', () => {
      const database = opened();
      const answer = database.transaction(() => {
        database.exec('INSERT INTO t VALUES (1, 1)');
        database.exec('INSERT INTO t VALUES (2, 2)');
        return 'done';
      });
      expect(answer).toBe('done');
      expect(database.exec('SELECT a FROM t')).toHaveLength(2);
    });

    test('a transaction whose body throws keeps nothing, throws the same error, and others go on', () => {
      const database = opened();
      const error = new RangeError('half way');
      const failing = (): void =>
        database.transaction(() => {
          database.exec('INSERT INTO t VALUES (1, 1)');
          throw error;
        });
      expect(failing).toThrow(error);
      expect(database.exec('SELECT a FROM t')).toEqual([]);
      database.transaction(() => database.exec('INSERT INTO t VALUES (1, 1)'));
      expect(database.exec('SELECT a FROM t')).toHaveLength(1);
    });

    test('a statement that fails in a transaction takes all of it back', () => {
      const database = opened();
      const failing = (): void =>
        database.transaction(() => {
          database.exec('INSERT INTO t VALUES (1, 1)');
          database.exec('INSERT INTO t VALUES (1, 1)');
        });
      expect(failing).toThrow();
      expect(database.exec('SELECT a FROM t')).toEqual([]);
    });

    test('a transaction in a transaction is refused, and nothing of either stays', () => {
      const database = opened();
      const nested = (): void =>
        database.transaction(() => {
          database.exec('INSERT INTO t VALUES (1, 1)');
          database.transaction(() => database.exec('INSERT INTO t VALUES (2, 2)'));
        });
      expect(nested).toThrow();
      expect(database.exec('SELECT a FROM t')).toEqual([]);
    });

    test('the size follows what is kept; what is free in the file, where it is told, can be given back', () => {
      const database = opened();
      const empty = database.size();
      for (let row = 0; row < 50; row++) database.exec('INSERT INTO t VALUES (?, ?)', row, new Uint8Array(20_000));
      const full = database.size();
      expect(full.usedBytes).toBeGreaterThanOrEqual(empty.usedBytes + 50 * 20_000);
      database.exec('DELETE FROM t');
      expect(database.size().usedBytes).toBeLessThan(full.usedBytes - (50 * 20_000 - 8192));
      database.reclaim(10_000);
      expect(database.size().freeBytes).toBe(0);
    });
  });
}

/** Lets the database grow by so many pages, as a disk would that has no more room. */
function fill(database: SqlDatabase, pages = 4): void {
  const [row] = database.exec<{ page_count: number }>('PRAGMA page_count');
  database.exec(`PRAGMA max_page_count = ${(row?.page_count ?? 0) + pages}`);
}

/** What a database promises besides where its file is its own, and not the host's. @param open answers an empty database each time. */
export function describeOwnFile(name: string, open: () => SqlDatabase): void {
  const opened = (): SqlDatabase => {
    const database = open();
    database.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b) WITHOUT ROWID');
    return database;
  };

  describe(`sql-database, its file: ${name}`, () => {
    test('what no longer fits is storage_full with a time to come back: nothing of it stays, and it fits when there is room', () => {
      const database = opened();
      database.exec('INSERT INTO t VALUES (1, 1)');
      fill(database);
      const large = new Uint8Array(500_000);
      const full = expect.objectContaining({ code: 'storage_full', retryAfterMs: expect.any(Number) });
      expect(() => database.exec('INSERT INTO t VALUES (2, ?)', large)).toThrow(full);
      const failing = (): void =>
        database.transaction(() => {
          database.exec('UPDATE t SET b = 2');
          database.exec('INSERT INTO t VALUES (2, ?)', large);
        });
      expect(failing).toThrow(full);
      expect(() => database.write('INSERT INTO t VALUES (2, ?)', large)).toThrow(full);
      expect(failing).toThrow(full);
      expect(plain(database.exec('SELECT a, b FROM t'))).toEqual([{ a: 1, b: 1 }]);
      database.transaction(() => database.exec('UPDATE t SET b = 3'));
      fill(database, 1_000_000);
      database.transaction(() => database.exec('INSERT INTO t VALUES (2, ?)', large));
      expect(database.exec('SELECT a FROM t')).toHaveLength(2);
    });

    test('pages that are free in the file are told, and given back so many at a time', () => {
      const database = opened();
      for (let row = 0; row < 50; row++) database.exec('INSERT INTO t VALUES (?, ?)', row, new Uint8Array(20_000));
      database.exec('DELETE FROM t');
      const freed = database.size();
      expect(freed.freeBytes).toBeGreaterThan(50 * 20_000 - 8192);
      database.reclaim(10);
      expect(database.size().freeBytes).toBeLessThan(freed.freeBytes);
      expect(database.size().freeBytes).toBeGreaterThan(0);
      database.reclaim(10_000);
      expect(database.size().freeBytes).toBe(0);
    });
  });
}
