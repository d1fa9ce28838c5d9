/** What a backtest says: firings, flaps and pages by rule, and where the past went otherwise. */
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MINUTE_MS } from '../model/window.ts';
import type { BacktestReport } from '../ports/alert-book.ts';
import type { CompiledRule } from './compiled-rule.ts';

/** What was met on the way that makes the report differ from what was. */
export interface Findings {
  /** Minutes of hosts with a window that was corrected after it had closed. */
  correctedMinutes: number;
  /** Minutes of hosts of which samples were needed and none are left. */
  bareMinutes: number;
  /** Where rules began to run, Unix ms. */
  startMs: number;
  /** Of the labels and annotations of all transitions, in UTF-16 units. */
  textLength: number;
  readonly clients: number;
  /** Minutes from fromMs to toMs; 1: some host has data. */
  readonly heard: Uint8Array;
}

export interface PageCount {
  /** A page that tells of several rules counts once. */
  readonly total: number;
  /** Pages that tell of a rule, by `group/rule`. */
  readonly byRule: ReadonlyMap<string, number>;
  /** How they were counted, where that is not as it was. */
  readonly notes?: readonly string[];
}

export interface Outcome {
  readonly fromMs: number;
  readonly toMs: number;
  /** By judgedMs and id. */
  readonly transitions: readonly Transition[];
  readonly pages: PageCount;
  readonly compiled: readonly CompiledRule[];
  readonly findings: Findings;
}

export function reportOf({ fromMs, toMs, transitions, pages, compiled, findings }: Outcome): BacktestReport {
  const counts = countFirings(transitions);
  const names = new Set([...compiled.map(({ id }) => id), ...counts.keys(), ...pages.byRule.keys()]);
  const rules = [...names].map((rule) => {
    const { firings, flaps } = counts.get(rule) ?? { firings: 0, flaps: 0 };
    return { rule, firings, pages: pages.byRule.get(rule) ?? 0, flaps };
  });
  return {
    fromMs,
    toMs,
    transitions,
    firings: rules.reduce((sum, one) => sum + one.firings, 0),
    flaps: rules.reduce((sum, one) => sum + one.flaps, 0),
    pages: pages.total,
    rules,
    notes: [...notesOf(compiled, findings, fromMs), ...(pages.notes ?? [])],
  };
}

/**
 * By `group/rule`. An alert that is lost sight of, or recovers and relapses, fires once; one that fires again within flapWindowMs of its
 * last firing, having ended, is a flap. Amendments count for nothing.
 */
function countFirings(transitions: readonly Transition[]): Map<string, { firings: number; flaps: number }> {
  const counts = new Map<string, { firings: number; flaps: number }>();
  const burning = new Set<string>();
  const firedMs = new Map<string, number>();
  for (const { alert, group, rule, to, atMs, amended } of transitions) {
    if (amended) continue;
    if (to === 'resolved' || to === 'inactive') burning.delete(alert);
    if (to !== 'firing' || burning.has(alert)) continue;
    burning.add(alert);
    const count = counts.get(`${group}/${rule}`) ?? { firings: 0, flaps: 0 };
    counts.set(`${group}/${rule}`, count);
    count.firings += 1;
    if (atMs - (firedMs.get(alert) ?? Number.NEGATIVE_INFINITY) <= ALERT_LIMITS.flapWindowMs) count.flaps += 1;
    firedMs.set(alert, atMs);
  }
  return counts;
}

const SKEW = /\bskew\b/;

function notesOf(compiled: readonly CompiledRule[], findings: Findings, fromMs: number): string[] {
  const { correctedMinutes, bareMinutes, startMs, clients } = findings;
  const onSilence = compiled.some(({ judgesSilence }) => judgesSilence);
  const gap = longestGap(findings.heard);
  const notes = [
    'Every minute is judged as complete, and as if its samples had come in time: which pushes were lost or late is not kept.',
  ];
  if (startMs < fromMs)
    notes.push(
      `Rules ran from ${isoTime(startMs)} on, so as to know what went on at the start; what they said before it is left out.`,
    );
  if (correctedMinutes > 0)
    notes.push(
      `${correctedMinutes} minutes of hosts were corrected after they had closed: the first judgement saw other values.`,
    );
  if (bareMinutes > 0)
    notes.push(`Of ${bareMinutes} minutes of hosts no samples are left: rules that need them are judged on whole minutes there.`);
  if (onSilence)
    notes.push(
      'Silence is measured between the times of samples, not of pushes: what an agent kept and sent late breaks it here.',
    );
  if (onSilence && gap !== undefined && clients > 0) {
    const since = isoTime(fromMs + gap.minute * MINUTE_MS);
    notes.push(
      `No host has data for ${gap.minutes} minutes from ${since} on: if the server was down, no host was called silent then.`,
    );
  }
  if (compiled.some(({ spec }) => SKEW.test(`${spec.expr} ${spec.clear ?? ''}`)))
    notes.push('Clock skew is not kept: what a rule reads of it is unknown.');
  return notes;
}

/** The longest stretch of minutes without data that lies between minutes with data, from two on. */
function longestGap(heard: Uint8Array): { readonly minute: number; readonly minutes: number } | undefined {
  let longest = { minute: 0, minutes: 1 };
  let last = -1;
  heard.forEach((one, minute) => {
    if (one === 0) return;
    if (last >= 0 && minute - last - 1 > longest.minutes) longest = { minute: last + 1, minutes: minute - last - 1 };
    last = minute;
  });
  return longest.minutes > 1 ? longest : undefined;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
