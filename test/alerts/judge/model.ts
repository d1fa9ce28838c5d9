/** The life of one alert, as a reading of everything that was judged of it. */
import { MINUTE_MS } from '../../../src/model/window.ts';

/** T: the condition holds. F: it does not, and nothing is missing. N: nothing that counts can be said. S: log time is looked at. */
export type Evidence = {
  kind: 'T' | 'F' | 'N' | 'S';
  startMs: number;
  endMs: number;
  logMs: number;
  clears: boolean;
  heardMs: number;
};
export type Told = readonly [to: string, onsetMs: number, atMs: number];
export type ModelRule = { forMs: number; keepMs: number; above: number; clearsBelow: number | undefined };

export const FIVE_MS = 5 * MINUTE_MS;

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
