/** A whole HTTP request kept as bytes, in which only digits change from one push to the next. */
import type { SimulatedMetric } from './host-values.ts';

export interface PushTarget {
  readonly host: string;
  readonly key: string;
}

/** Offsets into `bytes` of what is patched. */
export interface PushTemplate {
  readonly bytes: Uint8Array;
  readonly sentAt: number;
  readonly sequence: number;
  readonly sequenceDigits: number;
  /** Of each metric in order. */
  readonly values: readonly number[];
  readonly timestamps: readonly number[];
}

/** Unix ms have this many digits until the year 2286. */
const MS_DIGITS = 13;
const MS_HOLE = '0'.repeat(MS_DIGITS);

/** @param sequenceDigits a push id has no leading zeros, so a longer sequence needs a new template. */
export function pushTemplate(
  target: PushTarget,
  client: string,
  boot: string,
  sequenceDigits: number,
  metrics: readonly SimulatedMetric[],
): PushTemplate {
  const values: number[] = [];
  const timestamps: number[] = [];
  let body = `{"client_id":"${client}","metrics":[`;
  for (const metric of metrics) {
    body += `${body.endsWith('[') ? '' : ','}{"name":"${metric.name}","value":`;
    values.push(body.length);
    body += `${hole(metric)},"unit":"${metric.unit}"`;
    if (Object.keys(metric.labels).length > 0) body += `,"labels":${JSON.stringify(metric.labels)}`;
    body += ',"timestamp":';
    timestamps.push(body.length);
    body += `${MS_HOLE}}`;
  }
  body += ']}';
  const beforeSentAt = `POST /metrics HTTP/1.1\r\nHost: ${target.host}\r\nAuthorization: Bearer ${target.key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nX-Sent-At: `;
  const beforeSequence = `${beforeSentAt}${MS_HOLE}\r\nIdempotency-Key: ${boot}:`;
  const head = `${beforeSequence}${'0'.repeat(sequenceDigits)}\r\n\r\n`;
  return {
    bytes: new TextEncoder().encode(head + body),
    sentAt: beforeSentAt.length,
    sequence: beforeSequence.length,
    sequenceDigits,
    values: values.map((at) => head.length + at),
    timestamps: timestamps.map((at) => head.length + at),
  };
}

/** Writes one push into the template's bytes. @param values from `offset` on, one per metric. */
export function patchPush(
  template: PushTemplate,
  metrics: readonly SimulatedMetric[],
  push: { readonly sequence: number; readonly sentMs: number; readonly timestampMs: number },
  values: Float64Array,
  offset: number,
): void {
  const { bytes, timestamps } = template;
  writeDigits(bytes, template.sentAt, push.sentMs, MS_DIGITS);
  writeDigits(bytes, template.sequence, push.sequence, template.sequenceDigits);
  const first = timestamps[0] ?? 0;
  writeDigits(bytes, first, push.timestampMs, MS_DIGITS);
  for (let i = 0; i < metrics.length; i += 1) {
    const metric = metrics[i];
    if (metric === undefined) continue;
    if (i > 0) bytes.copyWithin(timestamps[i] ?? 0, first, first + MS_DIGITS);
    writeDecimal(bytes, template.values[i] ?? 0, values[offset + i] ?? 0, metric.digits, metric.decimals);
  }
}

function hole(metric: SimulatedMetric): string {
  const whole = '0'.repeat(metric.digits - metric.decimals);
  return metric.decimals === 0 ? whole : `${whole}.${'0'.repeat(metric.decimals)}`;
}

function writeDecimal(bytes: Uint8Array, at: number, value: number, digits: number, decimals: number): void {
  if (decimals === 0) {
    writeDigits(bytes, at, value, digits);
    return;
  }
  const scale = 10 ** decimals;
  const whole = Math.floor(value / scale);
  writeDigits(bytes, at, whole, digits - decimals);
  writeDigits(bytes, at + digits - decimals + 1, value - whole * scale, decimals);
}

/** Writes an integer right-aligned into `digits` places; nine digits at a time fit 32-bit arithmetic. */
function writeDigits(bytes: Uint8Array, at: number, value: number, digits: number): void {
  const high = Math.floor(value / 1e9);
  let low = (value - high * 1e9) | 0;
  const from = Math.max(at, at + digits - 9);
  for (let i = at + digits - 1; i >= from; i -= 1) {
    const rest = (low / 10) | 0;
    bytes[i] = 48 + low - rest * 10;
    low = rest;
  }
  if (from > at) writeDigits(bytes, at, high, from - at);
}
