/** Our own JSON push: {"client_id","metrics":[{"name","value","timestamp"?,"labels"?,"unit"?,"kind"?}]}. */
import { MetricStreamError, type Rejection } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Series, Shape } from '../model/series.ts';
import { type CheckedMetric, checkMetric, type TimeBounds } from './json-metric.ts';
import type { BodyTemplates } from './json-template.ts';
import type { ShapeInterner } from './log-record.ts';
import type { Timestamp } from './timestamp.ts';

export interface PushContext extends TimeBounds {
  readonly shapes: ShapeInterner;
  readonly templates: BodyTemplates;
  /** The last shape of this client, if known: a push of the same shape is checked without allocating. */
  hint(clientId: string | undefined): Shape | undefined;
  /** Arrival time for samples without one: strictly increasing within the process. */
  stamp(): Timestamp;
  /** The key that a series has once it is tagged: by it repeats among samples without a time are known. Left out: its own. */
  keyOf?(series: Series): string;
}

export interface DecodedPush {
  /** As the body had it; undefined where it had none. */
  readonly clientId: string | undefined;
  /** How many metrics stood in the body. */
  readonly metrics: number;
  readonly shape: Shape;
  readonly values: Float64Array;
  readonly timesMs: Float64Array;
  readonly timesNs: Int32Array | undefined;
  /** Some metric had no timestamp and got the edge's. */
  readonly stamped: boolean;
  /** Place in the shape → place in the body's `metrics`; undefined: the same. */
  readonly indices: Int32Array | undefined;
  readonly rejections: readonly Rejection[];
}

interface JsonMetric {
  readonly name?: unknown;
  readonly value?: unknown;
  readonly timestamp?: unknown;
  readonly labels?: unknown;
  readonly tags?: unknown;
  readonly unit?: unknown;
  readonly kind?: unknown;
}

const NOTHING_REJECTED: readonly Rejection[] = [];
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** @throws empty_body | invalid_encoding | invalid_json | invalid_body | too_many_metrics */
export function decodeJsonPush(body: Uint8Array, context: PushContext): DecodedPush {
  return decodeSameBytes(body, context) ?? decodeParsed(body, context);
}

/** The hot path. @returns undefined when anything but the client's name and the numbers is not as it was. */
function decodeSameBytes(body: Uint8Array, context: PushContext): DecodedPush | undefined {
  const { templates } = context;
  const clientId = templates.clientOf(body);
  const shape = clientId === undefined ? undefined : context.hint(clientId);
  const numbers =
    shape === undefined
      ? undefined
      : templates.read(body, shape, context.nowMs - context.sampleAgeMsMax, context.nowMs + LIMITS.sampleFutureMsMax);
  return numbers === undefined || shape === undefined ? undefined : asPush(clientId, shape, numbers.values, numbers.timesMs);
}

function decodeParsed(body: Uint8Array, context: PushContext): DecodedPush {
  const { clientId, metrics } = readEnvelope(body);
  const hint = context.hint(clientId);
  if (hint?.distinct && metrics.length > 0 && hint.series.length === metrics.length) {
    const same = decodeSameShape(clientId, metrics as JsonMetric[], hint, context);
    if (same !== undefined) {
      context.templates.learn(body, hint);
      return same;
    }
  }
  return { clientId, ...decodeAnyShape(metrics, context) };
}

/** All that was sent is taken. */
function asPush(clientId: string | undefined, shape: Shape, values: Float64Array, timesMs: Float64Array): DecodedPush {
  const metrics = values.length;
  return {
    clientId,
    metrics,
    shape,
    values,
    timesMs,
    timesNs: undefined,
    stamped: false,
    indices: undefined,
    rejections: NOTHING_REJECTED,
  };
}

function readEnvelope(body: Uint8Array): { clientId: string | undefined; metrics: unknown[] } {
  if (body.length === 0) throw new MetricStreamError('empty_body');
  let text: string;
  try {
    text = UTF8.decode(body);
  } catch {
    throw new MetricStreamError('invalid_encoding');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MetricStreamError('invalid_json');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MetricStreamError('invalid_body', 'A push is an object with client_id and metrics.');
  }
  const { client_id: clientId, metrics } = value as { client_id?: unknown; metrics?: unknown };
  if (!Array.isArray(metrics)) throw new MetricStreamError('invalid_body', 'metrics must be an array.');
  if (metrics.length > LIMITS.metricsPerPushMax) {
    throw new MetricStreamError(
      'too_many_metrics',
      `A push holds at most ${LIMITS.metricsPerPushMax} metrics; this one ${metrics.length}.`,
    );
  }
  if (clientId === undefined || clientId === null) return { clientId: undefined, metrics };
  if (typeof clientId !== 'string') throw new MetricStreamError('invalid_body', 'client_id must be a text.');
  return { clientId, metrics };
}

type Columns = Omit<DecodedPush, 'clientId'>;

/**
 * Every metric is the series that the shape has at its place, valid and in time.
 * @returns undefined when anything at all differs; the slow path then says what.
 */
function decodeSameShape(
  clientId: string | undefined,
  metrics: readonly JsonMetric[],
  shape: Shape,
  context: PushContext,
): DecodedPush | undefined {
  const { series, min, max, unitImplied, kindImplied } = shape;
  const count = metrics.length;
  const oldestMs = context.nowMs - context.sampleAgeMsMax;
  const newestMs = context.nowMs + LIMITS.sampleFutureMsMax;
  const values = new Float64Array(count);
  let timesMs: Float64Array | undefined;
  let sharedMs = 0;
  for (let i = 0; i < count; i++) {
    const metric = metrics[i];
    const expected = series[i];
    if (typeof metric !== 'object' || metric === null || expected === undefined || metric.name !== expected.name)
      return undefined;
    const { value, timestamp } = metric;
    if (typeof value !== 'number' || !(value >= (min[i] as number) && value <= (max[i] as number))) return undefined;
    if (metric.unit === undefined ? !unitImplied[i] : metric.unit !== expected.unit) return undefined;
    if (metric.kind === undefined ? !kindImplied[i] : metric.kind !== expected.kind) return undefined;
    if (!sameLabels(metric.labels ?? metric.tags, expected)) return undefined;
    if (typeof timestamp !== 'number' || !(timestamp >= oldestMs && timestamp <= newestMs)) return undefined;
    const ms = Math.floor(timestamp);
    values[i] = value;
    if (i === 0) sharedMs = ms;
    else if (timesMs === undefined && ms !== sharedMs) timesMs = new Float64Array(count).fill(sharedMs, 0, i);
    if (timesMs !== undefined) timesMs[i] = ms;
  }
  return asPush(clientId, shape, values, timesMs ?? Float64Array.of(sharedMs));
}

function sameLabels(labels: unknown, expected: Series): boolean {
  const pairs = expected.labels;
  if (labels === undefined) return pairs.length === 0;
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return false;
  let found = 0;
  for (const key in labels) {
    if (!Object.hasOwn(labels, key)) return false;
    found += 1;
  }
  if (found !== pairs.length) return false;
  for (const [key, value] of pairs) if ((labels as Record<string, unknown>)[key] !== value) return false;
  return true;
}

function decodeAnyShape(metrics: readonly unknown[], context: PushContext): Columns {
  const kept: CheckedMetric[] = [];
  const indices: number[] = [];
  const rejections: Rejection[] = [];
  for (let i = 0; i < metrics.length; i++) {
    const checked = checkMetric(metrics[i], i, context);
    if ('code' in checked) {
      rejections.push(checked);
    } else {
      kept.push(checked);
      indices.push(i);
    }
  }
  const { timesMs, timesNs } = timesOf(kept, context);
  return {
    metrics: metrics.length,
    shape: context.shapes.intern(kept.map((metric) => metric.series)),
    values: Float64Array.from(kept, (metric) => metric.value),
    timesMs,
    timesNs,
    stamped: kept.some((metric) => metric.ms === undefined),
    indices: rejections.length === 0 ? undefined : Int32Array.from(indices),
    rejections,
  };
}

/** One arrival stamp for all samples without a time, a later one for each repeat of a series among them. */
function timesOf(
  kept: readonly CheckedMetric[],
  context: PushContext,
): { timesMs: Float64Array; timesNs: Int32Array | undefined } {
  const stamps: Timestamp[] = [];
  const used = new Map<string, number>();
  const times = kept.map((metric): Timestamp => {
    if (metric.ms !== undefined) return { ms: metric.ms, ns: metric.ns };
    const key = context.keyOf?.(metric.series) ?? metric.series.key;
    const nth = used.get(key) ?? 0;
    used.set(key, nth + 1);
    if (stamps.length <= nth) stamps.push(context.stamp());
    return stamps[nth] ?? context.stamp();
  });
  const [first] = times;
  const shared = first !== undefined && times.every((time) => time.ms === first.ms && time.ns === first.ns);
  const distinct = shared ? [first] : times;
  return {
    timesMs: Float64Array.from(distinct, (time) => time.ms),
    timesNs: distinct.some((time) => time.ns !== 0) ? Int32Array.from(distinct, (time) => time.ns) : undefined,
  };
}
