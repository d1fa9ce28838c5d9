/** Generators of series, shapes and pushes: everything that a receiver may hand on. */
import fc from 'fast-check';
import { CATALOGUE, KINDS } from '../../src/model/catalogue.ts';
import { REJECT_REASONS } from '../../src/model/errors.ts';
import type { Push, PushId } from '../../src/model/push.ts';
import { createSeries, type Series } from '../../src/model/series.ts';
import type { ShapeInterner } from '../../src/protocols/log-record.ts';

export const finite = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 0.1 + 0.2, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53 + 2),
);
const name = fc.stringMatching(/^[a-z_][a-z0-9_.:/-]{0,20}$/);
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom('', 'é', '日本語', '\ufeff👩‍💻', 'x'.repeat(127), 'ß'.repeat(128)),
);
const labels = fc.dictionary(name, text, { maxKeys: 4 }).map((pairs) => Object.entries(pairs));
const known = fc.constantFrom(...CATALOGUE);
const kind = fc.constantFrom(...KINDS);

/** Catalogue metrics as the catalogue has them, or with a unit and kind of another protocol, and custom ones. */
export const series: fc.Arbitrary<Series> = fc.oneof(
  fc.tuple(known, labels).map(([entry, pairs]) => createSeries(entry.name, pairs, entry.unit, entry.kind)),
  fc.tuple(known, labels, text, kind).map(([entry, pairs, unit, own]) => createSeries(entry.name, pairs, unit, own)),
  fc.tuple(name, labels, text, kind).map(([custom, pairs, unit, own]) => createSeries(custom, pairs, unit, own)),
);

const boot = fc.stringMatching(/^[A-Za-z0-9-]{1,64}$/);
const sequence = fc.oneof(fc.nat(1000), fc.maxSafeNat());
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const pushId: fc.Arbitrary<PushId> = fc.record({ boot, sequence, previous: maybe(fc.record({ boot, count: sequence })) });
const timeMs = fc.integer({ min: 0, max: 4_000_000_000_000 });
const rejected = fc.array(fc.tuple(fc.constantFrom(...REJECT_REASONS), fc.integer({ min: 1, max: 1000 })), { maxLength: 4 });

/** Samples: values and times of `count` series; times shared or own, with or without nanoseconds. */
function samples(count: number): fc.Arbitrary<Pick<Push, 'values' | 'timesMs' | 'timesNs'>> {
  const columns = (times: number): fc.Arbitrary<Pick<Push, 'values' | 'timesMs' | 'timesNs'>> =>
    fc.record({
      values: fc.array(finite, { minLength: count, maxLength: count }).map((values) => Float64Array.from(values)),
      timesMs: fc.array(timeMs, { minLength: times, maxLength: times }).map((values) => Float64Array.from(values)),
      timesNs: maybe(fc.array(fc.nat(999_999), { minLength: times, maxLength: times }).map((values) => Int32Array.from(values))),
    });
  return count === 0 ? columns(0) : fc.oneof(columns(1), columns(count));
}

export function arbitraryPush(shapes: ShapeInterner): fc.Arbitrary<Push> {
  return fc.array(series, { maxLength: 6 }).chain((list) =>
    fc
      .record({
        tenant: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/),
        client: fc.stringMatching(/^[A-Za-z0-9._:-]{1,128}$/),
        arrivalMs: timeMs,
        sentMs: maybe(timeMs),
        pushId: maybe(pushId),
        contentHash: fc.integer(),
        correlationId: text,
        traceparent: maybe(text),
        datacenter: maybe(text),
        environment: maybe(text),
        stamped: fc.boolean(),
        rejected,
        columns: samples(list.length),
      })
      .map(({ columns, ...push }) => ({ ...push, ...columns, shape: shapes.intern(list) })),
  );
}
