/** The life of one alert of one host, as a reading of its whole history: what is judged when, and what that makes of the alert. */
import { MINUTE_MS } from '../../../src/model/window.ts';
import type { LogEvent, Made } from './history.ts';

/** T: the condition holds. F: it does not, and nothing is missing. N: nothing that counts can be said. S: log time is looked at. */
type Evidence = { kind: 'T' | 'F' | 'N' | 'S'; startMs: number; endMs: number; logMs: number; clears: boolean; heardMs: number };
export type Told = readonly [to: string, onsetMs: number, atMs: number];
export type ModelRule = { forMs: number; keepMs: number; above: number; clearsBelow: number | undefined };

const FIVE_MS = 5 * MINUTE_MS;
const whole = (ms: number): number => Math.floor(ms / MINUTE_MS) * MINUTE_MS;
const newest = (list: readonly Made[]): number => Math.max(...list.map(({ atMs }) => atMs));

/** Whether a push may be missing that could have brought samples of a minute: it was passed over, or is due and nothing came after it. */
function incomplete(came: readonly Made[], startMs: number): boolean {
  const inOrder = came.filter((one, i) => i === 0 || one.index > Math.max(...came.slice(0, i).map(({ index }) => index)));
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
      all.push({ kind: 'S', startMs: logMs, endMs: logMs, logMs, clears: false, heardMs: Math.max(heardMs, resumedMs) });
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

/** What is told of the alert: pending while the condition has held without a break for less than `for`, then firing until it is surely over. */
export function lifeOf(evidence: readonly Evidence[], rule: ModelRule): Told[] {
  const first = evidence.findIndex(({ kind }) => kind === 'T');
  if (first < 0) return [];
  const run = evidence.slice(first);
  const bridgeMs = Math.max(rule.forMs, FIVE_MS);
  const last = (end: number, counts: (one: Evidence) => boolean): number => run.slice(0, end).findLastIndex(counts);
  const endOfLast = (i: number): number => run[last(i, ({ kind }) => kind === 'T' || kind === 'F')]?.endMs ?? Infinity;
  const silentMs = (i: number): number => {
    const one = run[i] as Evidence;
    const before = run[last(i, ({ kind }) => kind === 'T' || kind === 'F')] as Evidence;
    return one.kind === 'S' ? one.logMs - Math.max(before.logMs, one.heardMs) : one.endMs - before.endMs;
  };
  const onsets = run.map((one, i) => (i === 0 || (one.kind === 'T' && one.startMs - endOfLast(i) > bridgeMs) ? one.startMs : 0));
  const onsetMs = (i: number): number => onsets.slice(0, i + 1).findLast((ms) => ms > 0) ?? 0;
  const fires = run.findIndex(({ kind, endMs }, i) => kind === 'T' && endMs - onsetMs(i) >= rule.forMs);
  const breaks = run.findIndex(
    ({ kind }, i) => kind === 'F' || (kind === 'N' && silentMs(i) > bridgeMs) || (kind === 'S' && silentMs(i) >= bridgeMs),
  );
  const begun: Told[] = fires === 0 ? [] : [['pending', onsetMs(0), (run[0] as Evidence).endMs]];
  if (fires < 0 || (breaks >= 0 && breaks < fires)) {
    const over = run[breaks];
    if (over === undefined) return begun;
    return [
      ...begun,
      ['inactive', over.kind === 'S' ? onsetMs(0) : onsetMs(breaks), over.endMs],
      ...lifeOf(run.slice(breaks + 1), rule),
    ];
  }
  const isCool = ({ kind, clears }: Evidence): boolean => kind === 'F' && clears;
  const isWarm = (one: Evidence): boolean => one.kind === 'T' || (one.kind === 'F' && !one.clears);
  const states: string[] = [];
  for (let i = fires; i < run.length && states.at(-1) !== 'resolved'; i++) {
    const one = run[i] as Evidence;
    const cool = run.findIndex((other, j) => j > last(i, isWarm) && isCool(other));
    const isOver = rule.keepMs === 0 || one.endMs - (run[cool]?.startMs ?? 0) >= rule.keepMs;
    const state = isWarm(one)
      ? 'firing'
      : isCool(one)
        ? isOver
          ? 'resolved'
          : 'recovering'
        : silentMs(i) >= FIVE_MS
          ? 'unknown'
          : states.at(-1);
    states.push(state ?? '');
  }
  const told = states.flatMap((to, i): Told[] =>
    to === states[i - 1] ? [] : [[to, onsetMs(fires), run[fires + i]?.endMs ?? 0]],
  );
  return [...begun, ...told, ...(states.at(-1) === 'resolved' ? lifeOf(run.slice(fires + states.length), rule) : [])];
}
