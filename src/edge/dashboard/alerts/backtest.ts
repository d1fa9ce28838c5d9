/** What a backtest draws: for each rule the stretches in which it would have fired, and how many alerts at once. */
import type { BacktestAnswer, TransitionAnswer } from './answers.ts';

export interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

/** A stretch of equal height: `count` alerts fire at once. Places from 0 to 1 of the range. */
export interface Block {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

export interface Lane {
  /** `GROUP/RULE`. */
  readonly rule: string;
  readonly severity: string;
  readonly firings: number;
  readonly pages: number;
  readonly flaps: number;
  readonly blocks: readonly Block[];
  /** The most that fire at once. */
  readonly most: number;
  readonly hosts: number;
}

/** Firings of each alert: one that is lost sight of, or relapses while it recovers, fires on. Amendments count for nothing. */
export function firingStretches(transitions: readonly TransitionAnswer[], endMs: number): ReadonlyMap<string, Stretch[]> {
  const found = new Map<string, Stretch[]>();
  const since = new Map<string, number>();
  const put = (rule: string, stretch: Stretch): void => {
    const stretches = found.get(rule) ?? [];
    stretches.push(stretch);
    found.set(rule, stretches);
  };
  const ruleOf = new Map<string, string>();
  for (const { alert, group, rule, to, at_ms, amended } of transitions) {
    if (amended) continue;
    ruleOf.set(alert, `${group}/${rule}`);
    const startMs = since.get(alert);
    if (to === 'firing' && startMs === undefined) since.set(alert, at_ms);
    if ((to === 'resolved' || to === 'inactive') && startMs !== undefined) {
      put(`${group}/${rule}`, { startMs, endMs: at_ms });
      since.delete(alert);
    }
  }
  for (const [alert, startMs] of since) put(ruleOf.get(alert) ?? '', { startMs, endMs });
  return found;
}

/** @param places into how many the range is cut: a firing shows in each that it touches. */
export function blocksOf(stretches: readonly Stretch[], fromMs: number, toMs: number, places: number): Block[] {
  const width = (toMs - fromMs) / places;
  if (!(width > 0)) return [];
  const steps = new Float64Array(places + 1);
  for (const { startMs, endMs } of stretches) {
    const first = Math.min(places - 1, Math.max(0, Math.floor((startMs - fromMs) / width)));
    const last = Math.min(places - 1, Math.max(first, Math.ceil((endMs - fromMs) / width) - 1));
    steps[first] = (steps[first] ?? 0) + 1;
    steps[last + 1] = (steps[last + 1] ?? 0) - 1;
  }
  const blocks: Block[] = [];
  let count = 0;
  let from = 0;
  for (let place = 0; place <= places; place++) {
    const change = steps[place] ?? 0;
    if (change === 0 && place < places) continue;
    if (count > 0) blocks.push({ from: from / places, to: place / places, count });
    from = place;
    count += change;
  }
  return blocks;
}

const LANE_PLACES = 240;

/** A lane for each rule that is tried: the loudest first. */
export function lanesOf(report: BacktestAnswer): Lane[] {
  const stretches = firingStretches(report.transitions, report.to_ms);
  const byRule = Map.groupBy(report.transitions, ({ group, rule }) => `${group}/${rule}`);
  return report.rules
    .map(({ rule, firings, pages, flaps }): Lane => {
      const own = byRule.get(rule) ?? [];
      const blocks = blocksOf(stretches.get(rule) ?? [], report.from_ms, report.to_ms, LANE_PLACES);
      return {
        rule,
        severity: own[0]?.severity ?? '',
        firings,
        pages,
        flaps,
        blocks,
        most: blocks.reduce((most, { count }) => Math.max(most, count), 0),
        hosts: new Set(own.filter(({ to }) => to === 'firing').map(({ client_id }) => client_id)).size,
      };
    })
    .sort((a, b) => b.pages - a.pages || b.firings - a.firings || (a.rule < b.rule ? -1 : 1));
}

/** Marks of the time axis: `stepMs` apart, on whole steps of the viewer's day. @param offsetMs of the viewer's zone, from UTC. */
export function axisMarks(fromMs: number, toMs: number, steps: readonly number[], most: number, offsetMs: number) {
  const stepMs = steps.find((step) => (toMs - fromMs) / step <= most) ?? steps.at(-1) ?? toMs - fromMs;
  const first = Math.ceil((fromMs + offsetMs) / stepMs) * stepMs - offsetMs;
  const marks: { atMs: number; place: number }[] = [];
  for (let atMs = first; atMs <= toMs; atMs += stepMs) marks.push({ atMs, place: (atMs - fromMs) / (toMs - fromMs) });
  return { stepMs, marks };
}
