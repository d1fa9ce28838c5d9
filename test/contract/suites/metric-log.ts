/** What every metric-log promises: what was appended is read back whole and in order, until it is trimmed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LogRecord, MetricLog, StoredRecord } from '../../../src/ports/metric-log.ts';

/** A host's own kind of bytes is as good as a Uint8Array. */
function plain(records: readonly StoredRecord[]): StoredRecord[] {
  return records.map((one) => ({ ...one, bytes: new Uint8Array(one.bytes) }));
}

const ALL = Number.MAX_SAFE_INTEGER;
const NEVER = Number.NEGATIVE_INFINITY;

const record: fc.Arbitrary<LogRecord> = fc.record({ partition: fc.nat(47), bytes: fc.uint8Array({ maxLength: 60 }) });
const batch = fc.oneof(
  fc.array(record, { minLength: 1, maxLength: 6 }),
  fc.constant(Array.from({ length: 60 }, (_, i) => ({ partition: i % 12, bytes: new Uint8Array(9).fill(i % 7) }))),
);
const batches = fc.array(batch, { maxLength: 8 });

/** Appends batches a ms apart; gives what has to be read back. */
async function fill(
  log: MetricLog,
  list: readonly LogRecord[][],
): Promise<{ offset: number; appendMs: number; partition: number; bytes: Uint8Array }[]> {
  const firsts = await Promise.all(list.map((records, i) => log.append(records, 1_000 + i)));
  return list.flatMap((records, i) =>
    records.map((one, place) => ({ ...one, offset: (firsts[i] ?? 0) + place, appendMs: 1_000 + i })),
  );
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export interface OpenedLog {
  readonly log: MetricLog;
  /** The same log, as after a restart. */
  reopen(): MetricLog;
}

/** @param open gives a log with nothing in it. */
export function metricLogContract(name: string, open: () => OpenedLog): void {
  describe(`${name} as a metric-log`, () => {
    test('is empty at first', () => {
      const { log } = open();
      expect([log.end(), log.read(0, ALL)]).toEqual([0, []]);
      expect(log.trim(0, ALL, 0)).toEqual({ deleted: 0, bytes: 0 });
    });

    test('gives back every record with its partition, offset and stamp, also to who opens it again', async () => {
      await fc.assert(
        fc.asyncProperty(batches, async (list) => {
          const { log, reopen } = open();
          const expected = await fill(log, list);
          expect(expected.map(({ offset }) => offset)).toEqual(expected.map((_, i) => i));
          for (const one of [log, reopen()]) {
            expect(one.end()).toBe(expected.length);
            expect(plain(one.read(0, ALL))).toEqual(expected);
          }
        }),
        { numRuns: 50 },
      );
    });

    test('reads on from any offset, in whole batches, at least one, up to about the bytes asked for', async () => {
      await fc.assert(
        fc.asyncProperty(batches, fc.nat(480), fc.nat(400), async (list, from, bytesMax) => {
          const { log } = open();
          const expected = (await fill(log, list)).filter(({ offset }) => offset >= from);
          const read = plain(log.read(from, Math.max(1, bytesMax)));
          expect(read).toEqual(expected.slice(0, read.length));
          expect(read.length > 0).toBe(expected.length > 0);
          const next = expected[read.length];
          expect(next?.appendMs).not.toBe(read.at(-1)?.appendMs ?? Number.NaN);
          const all = [...read];
          for (let more = read; more.length > 0; more = log.read((all.at(-1)?.offset ?? 0) + 1, Math.max(1, bytesMax))) {
            if (more !== read) all.push(...plain(more));
          }
          expect(all).toEqual(expected);
        }),
        { numRuns: 50 },
      );
    });

    test('keeps its own copy of the bytes', async () => {
      const { log } = open();
      const bytes = bytesOf('abc');
      const appended = log.append([{ partition: 0, bytes }], 1);
      bytes.fill(0);
      await appended;
      expect(log.read(0, ALL)[0]?.bytes).toEqual(bytesOf('abc'));
    });

    test('shows a batch when its append is durable, and not before: appends that overlap are told in order', async () => {
      const { log } = open();
      const told: number[] = [];
      const appends = [2, 40, 1, 40, 3].map(async (count) => {
        const records = Array.from({ length: count }, (_, partition) => ({ partition, bytes: bytesOf('x') }));
        const first = await log.append(records, 1);
        told.push(first);
        expect(log.end()).toBeGreaterThanOrEqual(first + count);
        expect(log.read(first, 1)[0]?.offset).toBe(first);
      });
      expect(log.read(0, ALL).length).toBe(log.end());
      await Promise.all(appends);
      expect(told).toEqual([0, 2, 42, 43, 83]);
      expect(log.end()).toBe(86);
    });

    test('trims whole batches that are old, or beyond its size, never one that is still needed', async () => {
      await fc.assert(
        fc.asyncProperty(batches, fc.nat(480), fc.nat(10), fc.boolean(), async (list, safeOffset, age, isLarge) => {
          const { log, reopen } = open();
          const all = await fill(log, list);
          const { deleted } = log.trim(safeOffset, 1_000 + age, isLarge ? 0 : ALL);
          const left = plain(log.read(0, ALL));
          expect(left).toEqual(all.slice(all.length - left.length));
          const gone = all.slice(0, all.length - left.length);
          expect(new Set(gone.map(({ appendMs }) => appendMs)).size).toBe(deleted);
          for (const { offset, appendMs } of gone) expect(offset < safeOffset && (isLarge || appendMs < 1_000 + age)).toBe(true);
          expect(
            all.filter(({ offset }) => offset >= safeOffset).every((one) => left.some(({ offset }) => offset === one.offset)),
          ).toBe(true);
          expect([log.end(), reopen().end()]).toEqual([all.length, all.length]);
        }),
        { numRuns: 50 },
      );
    });

    test('gives room back when it trims, and goes on counting offsets', async () => {
      const { log, reopen } = open();
      for (let i = 0; i < 10; i++) await log.append([{ partition: 0, bytes: bytesOf('some bytes') }], i);
      const before = log.trim(0, NEVER, ALL).bytes;
      const { deleted, bytes } = log.trim(10, 5, ALL);
      expect([deleted, bytes]).toEqual([5, before / 2]);
      expect(log.read(0, ALL)[0]?.offset).toBe(5);
      expect(log.read(7, ALL)[0]?.offset).toBe(7);
      const again = reopen();
      expect(await again.append([{ partition: 0, bytes: bytesOf('x') }], 10)).toBe(10);
      expect(again.trim(0, NEVER, ALL).bytes).toBeGreaterThan(bytes);
    });
  });
}

/** For logs that lie where they can come to harm. */
export interface DamageableLog extends OpenedLog {
  /** Makes the bytes of the batch that begins at the offset unreadable. */
  damage(firstOffset: number): void;
}

/** @param open gives a log with nothing in it. */
export function damagedLogContract(name: string, open: () => DamageableLog): void {
  test(`${name} as a metric-log gives the records of a damaged batch as lost, and reads on behind it`, async () => {
    const { log, reopen, damage } = open();
    const all = await fill(
      log,
      [2, 3, 2].map((count) => Array.from({ length: count }, (_, i) => ({ partition: i, bytes: bytesOf('some bytes') }))),
    );
    damage(2);
    const lost = all.map((one) => ({ ...one, partition: -1, bytes: new Uint8Array(0), lost: true }));
    const expected = [...all.slice(0, 2), ...lost.slice(2, 5), ...all.slice(5)];
    for (const one of [log, reopen()]) {
      expect(plain(one.read(0, ALL))).toEqual(expected);
      expect(plain(one.read(3, ALL))).toEqual(expected.slice(3));
      expect(one.read(3, 1)).toEqual(lost.slice(3, 5));
    }
    expect(log.trim(5, 2_000, ALL).deleted).toBe(2);
    expect(plain(log.read(0, ALL))).toEqual(all.slice(5));
    expect(await log.append([{ partition: 0, bytes: bytesOf('x') }], 2_000)).toBe(7);
  });
}
