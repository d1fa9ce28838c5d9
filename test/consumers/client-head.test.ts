/** A client's head against a plain map: a set of (series, time) → value, whatever the order, width and repetition of pushes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClientHead } from '../../src/consumers/client-head.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { compareSamples, pushOf, type Sample, samplesIn } from './shapes.ts';

const MINUTE_MS = 60_000;
const SEALED = -1;
const shapes = shapeInterner();

interface Held {
  value: number;
  offset: number;
}

/** The naive head: every sample under its key and time. */
class Model {
  readonly samples = new Map<string, Held>();
  readonly count = { stored: 0, duplicate: 0, conflict: 0 };

  /** @returns whether the set of samples changed. */
  insert([name, ms, value, ns = 0]: Sample, offset: number): boolean {
    const key = JSON.stringify([name, ms, ns]);
    const held = this.samples.get(key);
    if (held !== undefined && Object.is(held.value, value)) {
      this.count.duplicate += 1;
      return false;
    }
    if (held === undefined) this.count.stored += 1;
    else this.count.conflict += 1;
    const greater = held === undefined || value > held.value || (value === held.value && Object.is(held.value, -0));
    if (greater) this.samples.set(key, { value, offset: held === undefined || held.offset === SEALED ? offset : held.offset });
    return greater;
  }

  rows(startMs = Number.NEGATIVE_INFINITY, endMs = Number.POSITIVE_INFINITY): [string, number, number, number, number][] {
    return [...this.samples]
      .map(([key, { value, offset }]): [string, number, number, number, number] => {
        const [name, ms, ns] = JSON.parse(key);
        return [name, ms, ns, value, offset];
      })
      .filter(([, ms]) => ms >= startMs && ms < endMs)
      .sort((a, b) => compareSamples([a[0], a[1], a[2], 0], [b[0], b[1], b[2], 0]));
  }

  dropBefore(endMs: number): void {
    for (const key of this.samples.keys()) if (JSON.parse(key)[1] < endMs) this.samples.delete(key);
  }
}

const name = fc.constantFrom('a', 'b', 'c', 'd');
const ms = fc.oneof(
  fc.nat(12).map((step) => step * 10_000),
  fc.nat(180_000),
);
const ns = fc.constantFrom(0, 0, 0, 1, 999_999);
const value = fc.constantFrom(0, -0, 1, 2.5, -3, 1e300);
const sample = fc.tuple(name, ms, value, ns);
const wide = fc
  .tuple(fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 }), ms, ns, fc.array(value, { minLength: 4, maxLength: 4 }))
  .map(([names, at, rest, values]) => names.map((one, i): Sample => [one, at, values[i] ?? 0, rest]));
/** A row that repeats a series: the shape is not distinct. */
const doubled = fc.tuple(sample, value).map(([[one, at, first, rest], second]): Sample[] => [
  [one, at, first, rest],
  [one, at, second, rest],
]);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('push' as const), samples: fc.oneof(wide, doubled) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('one' as const), samples: fc.tuple(sample) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), endMs: ms }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sealed' as const), samples: fc.array(sample, { maxLength: 6 }) }) },
);
const steps = fc.array(step, { maxLength: 40, size: 'medium' });

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Does a step to head and model; the changed series have to be told exactly. */
function take(head: ClientHead, model: Model, one: Step, offset: number): void {
  if (one.kind === 'drop') {
    head.dropBefore(one.endMs);
    model.dropBefore(one.endMs);
    return;
  }
  if (one.kind === 'sealed') {
    const other = new ClientHead();
    for (const [series, at, val, rest = 0] of one.samples) {
      const push = pushOf(shapes, [[series, at, val]]);
      other.insert(push.shape, push.values, at, rest, 0, { stored: 0, duplicate: 0, conflict: 0 });
    }
    const block = other.samples(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    head.insertSealed(block);
    const before = { ...model.count };
    for (const [key, at, rest, val] of samplesIn(block)) model.insert([key, at, val, rest], SEALED);
    Object.assign(model.count, before);
    return;
  }
  const told: string[] = [];
  const { shape, values } = pushOf(shapes, one.samples);
  const [, at = 0, , rest = 0] = one.samples[0] ?? [];
  const count = { ...model.count };
  if (one.kind === 'push') head.insert(shape, values, at, rest, offset, count, ({ key }) => told.push(key));
  else {
    const [series] = shape.series;
    if (series !== undefined) head.insertOne(series, values[0] ?? 0, at, rest, offset, count, ({ key }) => told.push(key));
  }
  expect(told).toEqual(one.samples.filter((each) => model.insert(each, offset)).map(([series]) => series));
  expect(count).toEqual(model.count);
}

function expectSame(head: ClientHead, model: Model, startMs: number, endMs: number): void {
  const rows = model.rows(startMs, endMs);
  expect(samplesIn(head.samples(startMs, endMs))).toEqual(rows.map((row) => row.slice(0, 4)));
  expect([...head.keysIn(startMs, endMs)].sort()).toEqual([...new Set(rows.map(([key]) => key))].sort());
  const minutes = [...new Set(rows.map(([, at]) => Math.floor(at / MINUTE_MS) * MINUTE_MS))].sort((a, b) => a - b);
  expect(head.minutesIn(startMs, endMs)).toEqual(minutes);
}

describe('a head', () => {
  test('holds the greater value of each series and time, whatever came in which order', () => {
    fc.assert(
      fc.property(steps, ms, fc.nat(120_000), (list, startMs, spanMs) => {
        const head = new ClientHead();
        const model = new Model();
        list.forEach((one, offset) => {
          take(head, model, one, offset);
        });
        expectSame(head, model, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
        expectSame(head, model, startMs, startMs + spanMs);
        expect(head.lastMs).toBe(Math.max(Number.NEGATIVE_INFINITY, ...model.rows().map(([, at]) => at)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('never says that a record may go whose samples are not sealed', () => {
    fc.assert(
      fc.property(steps, ms, (list, fromMs) => {
        const head = new ClientHead();
        const model = new Model();
        list.forEach((one, offset) => {
          take(head, model, one, offset);
        });
        const unsealed = model.rows().filter(([, , , , offset]) => offset !== SEALED);
        const least = Math.min(Number.POSITIVE_INFINITY, ...unsealed.map(([, , , , offset]) => offset));
        expect(head.safeOffset()).toBeLessThanOrEqual(least);
        const later = unsealed.filter(([, at]) => at >= fromMs).map(([, , , , offset]) => offset);
        expect(head.safeOffset(fromMs)).toBeLessThanOrEqual(Math.min(Number.POSITIVE_INFINITY, ...later));
        const all = Number.POSITIVE_INFINITY;
        const written = new Set(samplesIn(head.samples(-all, all, undefined, true)).map((row) => JSON.stringify(row)));
        for (const row of unsealed) expect(written.has(JSON.stringify(row.slice(0, 4)))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('is the same set for every order of the same pushes', () => {
    const pushes = fc.array(wide, { maxLength: 12 });
    fc.assert(
      fc.property(pushes, fc.infiniteStream(fc.nat()), (list, random) => {
        const filled = (order: readonly Sample[][]): ClientHead => {
          const head = new ClientHead();
          for (const samples of order) {
            const { shape, values } = pushOf(shapes, samples);
            const [, at = 0, , rest = 0] = samples[0] ?? [];
            head.insert(shape, values, at, rest, 0, { stored: 0, duplicate: 0, conflict: 0 });
          }
          return head;
        };
        const shuffled = [...list, ...list].map((samples) => [random.next().value, samples] as const).sort(([a], [b]) => a - b);
        const all = (head: ClientHead) => samplesIn(head.samples(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY));
        expect(all(filled(shuffled.map(([, samples]) => samples)))).toEqual(all(filled(list)));
      }),
    );
  });

  test('holds what was read back in as many rows, and bytes, as when it came', () => {
    const names = Array.from({ length: 100 }, (_, i) => `m${i}`);
    const [came, back] = [new ClientHead(), new ClientHead()];
    for (let at = 0; at < MINUTE_MS; at += 1_000) {
      const { shape, values } = pushOf(
        shapes,
        names.map((one) => [one, at, at] as const),
      );
      came.insert(shape, values, at, 0, 0, { stored: 0, duplicate: 0, conflict: 0 });
    }
    const block = came.samples(0, MINUTE_MS);
    back.insertSealed(block);
    expect([back.rows, back.bytes]).toEqual([came.rows, came.bytes]);
    expect(samplesIn(back.samples(0, MINUTE_MS))).toEqual(samplesIn(block));
    expect(back.safeOffset()).toBe(Number.POSITIVE_INFINITY);
  });

  test('gives memory back when it forgets, and knows what it holds', () => {
    const head = new ClientHead();
    const empty = head.bytes;
    const { shape } = pushOf(shapes, [['a', 0, 1]]);
    for (let i = 0; i < 10_000; i++)
      head.insert(shape, Float64Array.of(i), i * 1_000, 0, i, { stored: 0, duplicate: 0, conflict: 0 });
    expect(head.bytes).toBeGreaterThan(10_000 * 36);
    head.dropBefore(9_999_000);
    expect([head.rows, head.bytes <= empty]).toEqual([1, true]);
    expect(samplesIn(head.samples(0, 1e9))).toEqual([['a', 9_999_000, 0, 9_999]]);
    head.dropBefore(Number.POSITIVE_INFINITY);
    expect([head.rows, head.lastMs, head.series()]).toEqual([0, Number.NEGATIVE_INFINITY, []]);
  });
});
