/** What the shard decides of a push before it is logged: series over a limit, and who was admitted lately. */
import type { Rejection } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Push } from '../model/push.ts';
import type { Series } from '../model/series.ts';
import type { MetricLog } from '../ports/metric-log.ts';
import { decodeRecord, type ShapeInterner } from '../protocols/log-record.ts';
import type { ClientIntake } from './intake.ts';

export interface Admitted {
  readonly push: Push;
  readonly rejected: readonly Rejection[];
}

const NOTHING_REJECTED: readonly Rejection[] = [];

/** The push without the series that are over a limit; they are counted in its record. */
export function admitSeries(push: Push, client: ClientIntake, shapes: ShapeInterner, nowMs: number): Admitted {
  const refused = client.admit(push.shape, nowMs);
  return refused === undefined ? { push, rejected: NOTHING_REJECTED } : cut(push, refused, client, shapes, nowMs);
}

function cut(push: Push, refused: readonly number[], client: ClientIntake, shapes: ShapeInterner, nowMs: number): Admitted {
  const out = new Set(refused);
  const kept = push.shape.series.map((_, place) => place).filter((place) => !out.has(place));
  const pick = (values: Float64Array): Float64Array => Float64Array.from(kept, (place) => values[place] as number);
  const shared = push.timesMs.length === 1;
  const ns = push.timesNs;
  const shape = shapes.intern(kept.map((place) => push.shape.series[place] as Series));
  // What is left is what the client is seen with: its places are held by that shape.
  client.admit(shape, nowMs);
  return {
    push: {
      ...push,
      shape,
      values: pick(push.values),
      timesMs: shared ? push.timesMs : pick(push.timesMs),
      timesNs: shared || ns === undefined ? ns : Int32Array.from(kept, (place) => ns[place] as number),
      rejected: [...push.rejected, ['series_limit', refused.length]],
    },
    rejected: refused.map((index) => ({ index, code: 'series_limit', message: 'the client or the tenant has its most series' })),
  };
}

/** How much farther back it looks each time. */
const STEP_GROWTH = 8;

/** Pushes logged since `sinceMs`, oldest first, with their append stamps. A push arrives well before it is admitted. */
export function lastAdmissions(log: MetricLog, shapes: ShapeInterner, sinceMs: number): [push: Push, appendMs: number][] {
  const end = log.end();
  // After a quiet hour the last batch says that there are none: a shard wakes for a push that waits.
  let step = 1;
  let from = Math.max(0, end - step);
  while (from > 0 && (log.read(from, 1)[0]?.appendMs ?? 0) >= sinceMs) {
    step *= STEP_GROWTH;
    from = Math.max(0, end - step);
  }
  const admissions: [Push, number][] = [];
  for (;;) {
    const records = log.read(from, LIMITS.readBatchBytesMax);
    const last = records[records.length - 1];
    if (last === undefined) return admissions;
    for (const { appendMs, bytes } of records) {
      if (appendMs < sinceMs) continue;
      const push = pushOf(bytes, shapes);
      if (push !== undefined) admissions.push([push, appendMs]);
    }
    from = last.offset + 1;
  }
}

/** A record that cannot be read admits nobody; the consumer tells of it. */
function pushOf(bytes: Uint8Array, shapes: ShapeInterner): Push | undefined {
  try {
    const entry = decodeRecord(bytes, shapes);
    return entry.type === 'push' ? entry.push : undefined;
  } catch {
    return undefined;
  }
}
