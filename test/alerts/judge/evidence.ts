/** What is judged of one host, when, and on what: a reading of all records of a log. */
import { MINUTE_MS } from '../../../src/model/window.ts';
import type { LogEvent, Made } from './history.ts';
import { type Evidence, FIVE_MS, type ModelRule } from './model.ts';

const whole = (ms: number): number => Math.floor(ms / MINUTE_MS) * MINUTE_MS;
const newest = (list: readonly Made[]): number => Math.max(...list.map(({ atMs }) => atMs));

/** Whether a push may be missing that could have brought samples of a minute: it was passed over, or is due and nothing came after it. */
function incomplete(came: readonly Made[], startMs: number): boolean {
  const inOrder: Made[] = [];
  for (const one of came) if (one.index > (inOrder.at(-1)?.index ?? -1)) inOrder.push(one);
  const passed = inOrder.slice(1).some((one, i) => {
    const known = came.slice(0, came.indexOf(one));
    const between = one.index - (inOrder[i] as Made).index - 1;
    const filled = came.filter(({ index }) => index > (inOrder[i] as Made).index && index < one.index).length;
    return filled < between && newest(known) < startMs + MINUTE_MS && one.atMs >= startMs;
  });
  const pace = inOrder.map((one, i) => [inOrder[i - 1] as Made, one] as const).slice(1);
  const [a, b] = pace.findLast(([before, one]) => before.boot === one.boot) ?? [];
  const stepMs = a === undefined || b === undefined ? Number.POSITIVE_INFINITY : (b.atMs - a.atMs) / (b.index - a.index);
  return passed || newest(came) + stepMs < startMs + MINUTE_MS;
}

/** Everything that is judged, in the order of the log. */
export function evidenceOf(events: readonly LogEvent[], { above, clearsBelow }: ModelRule): Evidence[] {
  const all: Evidence[] = [];
  const [came, done] = [[] as Made[], new Set<number>()];
  let [scannedMs, resumedMs, holeMs, closedMs, judgedMs, heardMs, beforeMs] = [0, 0, 0, 0, 0, 0, 0];
  const look = (logMs: number): void => {
    const forcedMs = whole((logMs - resumedMs < 2 * MINUTE_MS ? holeMs : logMs) - 2 * MINUTE_MS);
    const ownMs = Math.min(newest(came), logMs) - 10_000;
    for (let startMs = judgedMs; ; startMs += MINUTE_MS) {
      const endMs = startMs + MINUTE_MS;
      if (endMs > forcedMs && (endMs > ownMs || incomplete(came, startMs))) return;
      judgedMs = endMs;
      const own = [...new Set(came)].filter(({ atMs }) => whole(atMs) === startMs);
      const values = own.flatMap(({ cpu }) => cpu ?? []).sort();
      const avg = values.reduce((sum, value) => sum + value, 0) / values.length;
      const kind = avg > above ? 'T' : values.length > 0 && !incomplete(came, startMs) ? 'F' : 'N';
      const clears = clearsBelow === undefined ? avg <= above : avg < clearsBelow;
      if (own.length > 0) all.push({ kind, startMs, endMs, logMs, clears, heardMs: 0 });
    }
  };
  for (const { logMs, made } of events) {
    if (beforeMs > 0 && logMs - beforeMs > 30_000) [resumedMs, holeMs] = [logMs, beforeMs];
    beforeMs = logMs;
    if (logMs - scannedMs >= 10_000) {
      scannedMs = logMs;
      const quietMs = logMs - Math.max(heardMs, resumedMs);
      if (quietMs >= FIVE_MS)
        all.push({ kind: 'S', startMs: logMs, endMs: logMs, logMs, clears: false, heardMs: logMs - quietMs });
    }
    if (whole(logMs - 2 * MINUTE_MS) > closedMs) {
      closedMs = whole(logMs - 2 * MINUTE_MS);
      if (came.length > 0) look(logMs);
    }
    if (made === undefined) continue;
    if (came.length === 0) judgedMs = closedMs;
    if (!done.has(made.index)) came.push(made);
    done.add(made.index);
    heardMs = logMs;
    look(logMs);
  }
  return all;
}
