/** Bodies of pushes as agents send them, and what may be wrong with one metric of them: food for the differential test. */
import fc from 'fast-check';

export const NOW_MS = 1_767_225_600_000;

type Metric = Record<string, unknown>;

/** A body as text: `undefined` fields are left out, and doubles keep their sign. */
export function bodyOf(metrics: readonly unknown[], clientId: unknown = 'web-1'): Uint8Array {
  const text = JSON.stringify({ client_id: clientId, metrics }, (_key, value: unknown) =>
    Object.is(value, -0) ? '-zero-' : value,
  );
  return new TextEncoder().encode(text.replaceAll('"-zero-"', '-0'));
}

/** Pushes of one shape each: catalogue and custom metrics, labels, units, counters, own times, repeats, none at all. */
export const PUSHES: readonly (readonly Metric[])[] = [
  [
    { name: 'cpu', value: 75.5, timestamp: NOW_MS },
    { name: 'cpu_core', value: 3, timestamp: NOW_MS, labels: { core: '0' } },
    { name: 'disk_used', value: 5e11, timestamp: NOW_MS, labels: { mount: '/', device: 'vda', fstype: 'ext4' }, unit: 'bytes' },
    { name: 'load1', value: 0.25, timestamp: NOW_MS, kind: 'gauge' },
  ],
  [
    { name: 'queue_depth', value: 12, timestamp: NOW_MS - 5_000 },
    { name: 'requests', value: 1e6, timestamp: NOW_MS - 5_000.5, kind: 'counter', unit: 'requests' },
    { name: 'temperature', value: -3.5, timestamp: NOW_MS - 4_000, unit: '°C', tags: { toString: 'x', sensor: 'é' } },
  ],
  [{ name: 'cpu', value: 0, timestamp: NOW_MS }],
  [
    { name: 'cpu', value: 1, timestamp: NOW_MS },
    { name: 'cpu', value: 2, timestamp: NOW_MS },
  ],
  [],
];

const FIELDS = ['name', 'value', 'timestamp', 'labels', 'tags', 'unit', 'kind'];
const DAY_MS = 86_400_000;

const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  name: ['cpu', 'load1', 'requests', '', 'a b', 'x'.repeat(201), '__proto__', 7],
  value: [0, -0, -1, 100, 100.0001, 1e308, 5e-324, '75', true, []],
  timestamp: [
    NOW_MS,
    NOW_MS + 1,
    NOW_MS + 0.5,
    NOW_MS - DAY_MS,
    NOW_MS - DAY_MS + 0.5,
    NOW_MS - DAY_MS - 1,
    NOW_MS - DAY_MS - 0.5,
    NOW_MS + 600_000,
    NOW_MS + 600_000.5,
    NOW_MS + 600_001,
    String(NOW_MS * 1e6).replace('000000', '000001'),
    '2026-01-01T00:00:00.000000001Z',
    'soon',
    0,
    -5,
  ],
  labels: [
    {},
    [],
    ['0'],
    'core',
    0,
    { core: '0' },
    { core: 0 },
    { core: '1' },
    { core: '0', x: 'y' },
    { host: 'h' },
    { constructor: 'x' },
    { device: 'vda', fstype: 'ext4', mount: '/' },
    { device: 'vda', fstype: 'ext4', other: '/' },
    { sensor: 'é', toString: 'x' },
    JSON.parse('{"__proto__":"x"}'),
    { 'a b': 'x' },
    { core: 'new\nline' },
  ],
  unit: ['', 'bytes', 'percent', 'requests', '°C', 'x'.repeat(33), 5],
  kind: ['gauge', 'counter', 'histogram', 0],
};
const MISSING = [undefined, null];

/** Sets one field of one metric to another value, or the metric itself, or moves or doubles one. */
function change(metrics: readonly unknown[], at: number, what: number, to: number): unknown[] {
  const place = metrics.length === 0 ? 0 : at % metrics.length;
  const metric = metrics[place];
  const field = FIELDS[what % (FIELDS.length + 4)];
  if (field !== undefined && typeof metric === 'object' && metric !== null) {
    const values = [...(VALUES[field === 'tags' ? 'labels' : field] ?? []), ...MISSING];
    return metrics.with(place, { ...metric, [field]: values[to % values.length] });
  }
  const odd = [null, 5, [], {}, 'cpu', [metric]][to % 6];
  const structural = [
    metrics.toSpliced(place, 1),
    metrics.toSpliced(place, 0, metric ?? odd),
    metrics.toReversed(),
    metrics.toSpliced(place, 1, odd),
  ];
  return structural[what % structural.length] ?? [];
}

/** A push that the client sent before, and a body that is the same, or nearly the same, or another one. */
export const nearMiss = fc
  .tuple(fc.nat(PUSHES.length - 1), fc.nat(9), fc.array(fc.tuple(fc.nat(9), fc.nat(99), fc.nat(99)), { maxLength: 3 }))
  .map(([push, other, changes]) => {
    const known = PUSHES[push] ?? [];
    const base: readonly unknown[] = other < PUSHES.length ? (PUSHES[other] ?? []) : known;
    return { known, metrics: changes.reduce((metrics, [at, what, to]) => change(metrics, at, what, to), base) };
  });
