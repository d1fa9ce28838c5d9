/** One metric of a JSON push, checked field by field: the slow path, and the meaning of every reason. */
import { catalogueEntry, type Kind } from '../model/catalogue.ts';
import type { Rejection, RejectReason } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { createSeries, isReservedLabel, LABEL_KEY_PATTERN, NAME_PATTERN, type Series } from '../model/series.ts';
import { parseTimestamp } from './timestamp.ts';

/** A metric that passed. `ms` is undefined where the push gave no time. */
export interface CheckedMetric {
  readonly series: Series;
  readonly value: number;
  readonly ms: number | undefined;
  readonly ns: number;
}

export interface TimeBounds {
  readonly nowMs: number;
  readonly sampleAgeMsMax: number;
}

function reject(index: number, code: RejectReason, message: string): Rejection {
  return { index, code, message };
}

/**
 * Checks in this order: the object, name, value, labels, unit, kind, range, timestamp; the first failure is the reason.
 * @param metric any JSON value. @param index its place in `metrics`.
 */
export function checkMetric(metric: unknown, index: number, bounds: TimeBounds): CheckedMetric | Rejection {
  if (typeof metric !== 'object' || metric === null || Array.isArray(metric)) {
    return reject(index, 'invalid_metric', 'a metric is an object');
  }
  const { name, value, unit, kind, timestamp, labels, tags } = metric as Record<string, unknown>;
  if (typeof name !== 'string' || name.length > LIMITS.metricNameLengthMax || !NAME_PATTERN.test(name)) {
    return reject(
      index,
      'invalid_name',
      `name must match ${NAME_PATTERN.source} and have at most ${LIMITS.metricNameLengthMax} characters`,
    );
  }
  if (typeof value !== 'number' || !Number.isFinite(value))
    return reject(index, 'invalid_value', 'value must be a finite number');
  const pairs = checkLabels(labels ?? tags ?? undefined);
  if (!Array.isArray(pairs)) return reject(index, pairs.code, pairs.message);
  const known = catalogueEntry(name);
  if (unit !== undefined && unit !== null && !isUnit(unit)) {
    return reject(index, 'invalid_unit', `unit must be a text of at most ${LIMITS.unitLengthMax} characters`);
  }
  if (known !== undefined && typeof unit === 'string' && unit !== known.unit) {
    return reject(index, 'unit_mismatch', `${name} is measured in ${known.unit}`);
  }
  if (kind !== undefined && kind !== null && !isKind(kind)) return reject(index, 'invalid_kind', 'kind must be gauge or counter');
  if (known !== undefined && isKind(kind) && kind !== known.kind)
    return reject(index, 'invalid_kind', `${name} is a ${known.kind}`);
  if (known !== undefined && (value < known.min || value > known.max)) {
    return reject(
      index,
      'out_of_range',
      known.max === Number.MAX_VALUE ? `${name} must be at least ${known.min}` : `${name} lies in ${known.min}..${known.max}`,
    );
  }
  const time = checkTime(timestamp, bounds);
  if ('code' in time) return reject(index, time.code, time.message);
  const series = createSeries(
    name,
    pairs,
    known?.unit ?? (isUnit(unit) ? unit : ''),
    known?.kind ?? (isKind(kind) ? kind : 'gauge'),
  );
  return { series, value, ms: time.ms, ns: time.ns };
}

function isKind(kind: unknown): kind is Kind {
  return kind === 'gauge' || kind === 'counter';
}

/** Text that can be stored and shown: well formed, without control characters. */
function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length <= lengthMax && !/[\u0000-\u001f\u007f]/.test(value) && value.isWellFormed();
}

function isUnit(unit: unknown): unit is string {
  return isText(unit, LIMITS.unitLengthMax);
}

type Failure = { readonly code: RejectReason; readonly message: string };

function checkLabels(labels: unknown): [string, string][] | Failure {
  if (labels === undefined) return [];
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) {
    return { code: 'invalid_labels', message: 'labels is an object of texts' };
  }
  const pairs = Object.entries(labels);
  if (pairs.length > LIMITS.labelsMax)
    return { code: 'too_many_labels', message: `a metric has at most ${LIMITS.labelsMax} labels` };
  for (const [key, value] of pairs) {
    if (isReservedLabel(key))
      return { code: 'reserved_label', message: 'tenant, client_id, host, metric_name and __* are reserved' };
    if (key.length > LIMITS.labelKeyLengthMax || !LABEL_KEY_PATTERN.test(key)) {
      return {
        code: 'invalid_labels',
        message: `a label key must match ${LABEL_KEY_PATTERN.source}, at most ${LIMITS.labelKeyLengthMax} characters`,
      };
    }
    if (!isText(value, LIMITS.labelValueLengthMax)) {
      return {
        code: 'invalid_labels',
        message: `a label value is a text of at most ${LIMITS.labelValueLengthMax} characters without control characters`,
      };
    }
  }
  return pairs as [string, string][];
}

function checkTime(timestamp: unknown, bounds: TimeBounds): { ms: number | undefined; ns: number } | Failure {
  if (timestamp === undefined || timestamp === null) return { ms: undefined, ns: 0 };
  const time = parseTimestamp(timestamp);
  if (time === undefined) {
    return { code: 'invalid_timestamp', message: 'timestamp is Unix ms, an RFC 3339 text or a decimal text of Unix ns' };
  }
  if (time.ms < bounds.nowMs - bounds.sampleAgeMsMax) {
    return { code: 'sample_too_old', message: `older than ${bounds.sampleAgeMsMax} ms` };
  }
  if (time.ms > bounds.nowMs + LIMITS.sampleFutureMsMax) {
    return { code: 'sample_in_future', message: `more than ${LIMITS.sampleFutureMsMax} ms ahead` };
  }
  return time;
}
