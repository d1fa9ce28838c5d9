/** The public schema and the hot path's own check agree: on which pushes, on which metrics, and on why not. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { labelKey, labelValue, pushBody, pushMetric } from '../../src/edge/schemas.ts';
import { CATALOGUE, catalogueEntry } from '../../src/model/catalogue.ts';
import { MetricStreamError, type RejectReason } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { isReservedLabel } from '../../src/model/series.ts';
import { type DecodedPush, decodeJsonPush, type PushContext } from '../../src/protocols/json.ts';
import { BodyTemplates } from '../../src/protocols/json-template.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { parseTimestamp } from '../../src/protocols/timestamp.ts';
import { NOW_MS } from './harness.ts';

const RUNS = 100_000;

const SHAPES = shapeInterner();
const TEMPLATES = new BodyTemplates();

function context(hint: DecodedPush['shape'] | undefined): PushContext {
  return {
    nowMs: NOW_MS,
    sampleAgeMsMax: LIMITS.sampleAgeMsMax,
    shapes: SHAPES,
    templates: TEMPLATES,
    hint: () => hint,
    stamp: () => ({ ms: NOW_MS, ns: 0 }),
  };
}

/** What the schema says of one metric's structure, and the catalogue and the clock of the rest. */
function reasonOf(metric: unknown): RejectReason | undefined {
  const given = typeof metric === 'object' && metric !== null ? (metric as Record<string, unknown>) : undefined;
  // The alias counts where labels is not given.
  const labels = given?.labels ?? given?.tags ?? undefined;
  const result = pushMetric.safeParse(
    given === undefined || Array.isArray(metric) ? metric : { ...given, labels, tags: undefined },
  );
  const failing = new Set(result.error?.issues.map(({ path }) => path[0]) ?? []);
  if (!result.success && failing.has(undefined)) return 'invalid_metric';
  if (failing.has('name')) return 'invalid_name';
  if (failing.has('value')) return 'invalid_value';
  // zod drops __proto__ from a record without a word, so that labels are looked at one by one as well.
  const entries = Object.entries(typeof labels === 'object' && labels !== null ? labels : {});
  const badLabel = entries.find(([key, value]) => !labelKey.safeParse(key).success || !labelValue.safeParse(value).success);
  if (failing.has('labels') || badLabel !== undefined) return labelsReason(labels, badLabel?.[0]);
  if (failing.has('unit')) return 'invalid_unit';
  const known = catalogueEntry(String(given?.name));
  const { unit, kind, value, timestamp } = given ?? {};
  if (known !== undefined && typeof unit === 'string' && unit !== known.unit) return 'unit_mismatch';
  if (failing.has('kind') || (known !== undefined && typeof kind === 'string' && kind !== known.kind)) return 'invalid_kind';
  if (known !== undefined && (Number(value) < known.min || Number(value) > known.max)) return 'out_of_range';
  return failing.has('timestamp') ? 'invalid_timestamp' : timeReason(timestamp);
}

function labelsReason(labels: unknown, badKey: string | undefined): RejectReason {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return 'invalid_labels';
  if (Object.keys(labels).length > LIMITS.labelsMax) return 'too_many_labels';
  return badKey !== undefined && isReservedLabel(badKey) ? 'reserved_label' : 'invalid_labels';
}

function timeReason(timestamp: unknown): RejectReason | undefined {
  const ms = timestamp === undefined || timestamp === null ? NOW_MS : (parseTimestamp(timestamp)?.ms ?? Number.NaN);
  if (ms < NOW_MS - LIMITS.sampleAgeMsMax) return 'sample_too_old';
  return ms > NOW_MS + LIMITS.sampleFutureMsMax ? 'sample_in_future' : undefined;
}

const near = (limit: number): fc.Arbitrary<string> =>
  fc.constantFrom(limit - 1, limit, limit + 1).map((length) => 'n'.repeat(length));
const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('\ud800', '\u0000', '\n', '', 'é'),
);
const garbage = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
  fc.constant([['a', 'b']]),
);

const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...CATALOGUE.map((entry) => entry.name)) },
  { weight: 4, arbitrary: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.:/-]{0,6}$/) },
  { weight: 1, arbitrary: near(LIMITS.metricNameLengthMax) },
  { weight: 1, arbitrary: garbage },
);
const value = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -1, max: 101, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(-0, 0, 100, 100.00000000000001, Number.MAX_VALUE, -Number.MAX_VALUE, 5e-324) },
  { weight: 1, arbitrary: garbage },
);
const timestamp = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: NOW_MS - LIMITS.sampleAgeMsMax, max: NOW_MS + LIMITS.sampleFutureMsMax }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      NOW_MS - LIMITS.sampleAgeMsMax - 1,
      NOW_MS + LIMITS.sampleFutureMsMax + 1,
      0,
      -1,
      2 ** 53,
      1e18,
      NOW_MS + 0.5,
      -0.5,
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: NOW_MS - 1000, max: NOW_MS }).map((ms) => `${ms}000001`) },
  { weight: 1, arbitrary: fc.integer({ min: -2, max: 2 }).map((days) => new Date(NOW_MS + days * 86_400_000).toISOString()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '2026-02-30T00:00:00Z',
      '2026-11-24t12:00:00.123456789+01:00',
      '2026-11-24T23:59:60Z',
      '1'.repeat(20),
    ),
  },
  { weight: 1, arbitrary: garbage },
);
const label = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('device', 'mount', 'a-b', 'a.b') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'tenant',
      'host',
      'client_id',
      'metric_name',
      '__x',
      '__proto__',
      'constructor',
      'toString',
      '1a',
      '',
    ),
  },
  { weight: 1, arbitrary: fc.oneof(near(LIMITS.labelKeyLengthMax), text) },
);
const labelText = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 5 }) },
  { weight: 1, arbitrary: near(LIMITS.labelValueLengthMax) },
  { weight: 1, arbitrary: garbage },
);
/** `__proto__` becomes a key of its own, as JSON.parse makes it. */
const fromPairs = (pairs: readonly (readonly [string, unknown])[]): object =>
  JSON.parse(`{${pairs.map(([key, one]) => `${JSON.stringify(key)}:${JSON.stringify(one) ?? 'null'}`).join(',')}}`);
const many = fc
  .constantFrom(31, 32, 33)
  .map((count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, 'x'])));
const labels = fc.oneof(
  { weight: 10, arbitrary: fc.array(fc.tuple(label, labelText), { maxLength: 3 }).map(fromPairs) },
  { weight: 1, arbitrary: many },
  { weight: 1, arbitrary: garbage },
);
const unit = fc.oneof(
  fc.constantFrom('percent', 'bytes', 'count', 'seconds', 'per_second', 'bytes_per_second'),
  text,
  near(LIMITS.unitLengthMax),
  garbage,
);
const kind = fc.oneof(fc.constantFrom('gauge', 'counter'), garbage);

const likely = fc.record(
  { name, value, timestamp, labels, tags: labels, unit, kind, unknown: garbage },
  { requiredKeys: ['name', 'value'], noNullPrototype: true },
);
/** Mostly plain, so that whole pushes are good often enough to take the hot path. */
const plain = fc.record(
  {
    name: fc.constantFrom(...CATALOGUE.map((entry) => entry.name), 'custom'),
    value: fc.double({ min: 0, max: 100, noNaN: true }),
    timestamp: fc.integer({ min: NOW_MS - 1000, max: NOW_MS }),
    labels: fc.dictionary(fc.constantFrom('device', 'mount'), fc.constantFrom('vda', '/'), { maxKeys: 2, noNullPrototype: true }),
    kind: fc.constant('gauge'),
  },
  { requiredKeys: ['name', 'value', 'timestamp'], noNullPrototype: true },
);
const metric = fc.oneof({ weight: 5, arbitrary: plain }, { weight: 5, arbitrary: likely }, { weight: 1, arbitrary: garbage });
const push = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({ client_id: fc.constantFrom('web-1', undefined, null), metrics: fc.array(metric, { maxLength: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      { client_id: garbage, metrics: fc.oneof(garbage, fc.array(metric, { maxLength: 1 })) },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: garbage },
);

type Verdict =
  | { readonly code: string }
  | { readonly accepted: readonly number[]; readonly reasons: readonly (readonly [number, RejectReason])[] };

function bySchema(body: unknown): Verdict {
  // The structure of the push without its metrics, each of which is judged by itself; whether a client_id is well formed,
  // the edge says, for headers and keys too.
  const envelope = typeof body === 'object' && body !== null ? (body as { client_id?: unknown; metrics?: unknown }) : undefined;
  const metrics = envelope?.metrics;
  const shell = {
    client_id: typeof envelope?.client_id === 'string' ? 'web-1' : envelope?.client_id,
    metrics: Array.isArray(metrics) ? [] : metrics,
  };
  const ok = envelope !== undefined && !Array.isArray(body) && pushBody.safeParse(shell).success;
  if (!ok) return { code: 'invalid_body' };
  const reasons = (metrics as unknown[]).map(reasonOf);
  return {
    accepted: reasons.flatMap((reason, i) => (reason === undefined ? [i] : [])),
    reasons: reasons.flatMap((reason, i) => (reason === undefined ? [] : [[i, reason] as const])),
  };
}

function byDecoder(bytes: Uint8Array): { readonly verdict: Verdict; readonly decoded: DecodedPush | undefined } {
  try {
    const decoded = decodeJsonPush(bytes, context(undefined));
    const places = decoded.indices ?? decoded.shape.series.map((_, i) => i);
    return {
      verdict: { accepted: [...places], reasons: decoded.rejections.map(({ index, code }) => [index, code] as const) },
      decoded,
    };
  } catch (error) {
    if (error instanceof MetricStreamError) return { verdict: { code: error.code }, decoded: undefined };
    throw error;
  }
}

test(`the schema and the decoder agree on ${RUNS} generated pushes, and the hot path with the slow one`, {
  timeout: 180_000,
}, () => {
  const seen = new Map<string, number>();
  const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  fc.assert(
    fc.property(push, (generated) => {
      const json = JSON.stringify(generated) ?? 'null';
      const bytes = new TextEncoder().encode(json);
      const { verdict, decoded } = byDecoder(bytes);
      expect(verdict).toEqual(bySchema(JSON.parse(new TextDecoder().decode(bytes))));
      if ('code' in verdict) return note(verdict.code);
      for (const [, reason] of verdict.reasons) note(reason);
      if (verdict.accepted.length > 0) note('accepted');
      if (decoded !== undefined && verdict.reasons.length === 0 && decoded.metrics > 0) {
        note('hot path');
        expect(decodeJsonPush(bytes, context(decoded.shape))).toEqual(decoded);
      }
    }),
    { numRuns: RUNS },
  );
  // The comparison means something only if every answer really came up.
  const expected: readonly (RejectReason | 'accepted' | 'hot path' | 'invalid_body')[] = [
    ...(['invalid_metric', 'invalid_name', 'invalid_value', 'invalid_timestamp', 'invalid_labels', 'invalid_unit'] as const),
    ...(['invalid_kind', 'reserved_label', 'too_many_labels', 'unit_mismatch', 'out_of_range'] as const),
    ...(['sample_too_old', 'sample_in_future', 'accepted', 'hot path', 'invalid_body'] as const),
  ];
  for (const one of expected) expect(seen.get(one) ?? 0, one).toBeGreaterThan(100);
});
