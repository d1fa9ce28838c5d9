/** A rule file that somebody edits: what may be done with it, and why not. */
import type { BacktestAnswer, Problem } from './answers.ts';

export interface RuleDraft {
  readonly text: string;
  /** As the server had it when it was read or saved, and its version. */
  readonly saved: string;
  readonly version: number;
  /** What was found in a text; another text knows nothing of it. */
  readonly checked: { readonly text: string; readonly problems: readonly Problem[] } | undefined;
  readonly trial: { readonly text: string; readonly report: BacktestAnswer } | undefined;
}

export interface DraftState {
  readonly changed: boolean;
  readonly problems: readonly Problem[];
  /** The report is of this very text. */
  readonly tried: boolean;
  readonly canSave: boolean;
  /** Why it cannot be saved, or what was found. */
  readonly says: string;
}

/** @param refusal why this person may not save at all; undefined: they may. */
export function draftState(draft: RuleDraft, refusal: string | undefined): DraftState {
  const changed = draft.text !== draft.saved;
  const problems = draft.checked?.text === draft.text ? draft.checked.problems : [];
  const tried = draft.trial?.text === draft.text;
  const canSave = changed && tried && problems.length === 0 && refusal === undefined;
  return { changed, problems, tried, canSave, says: sentence(draft, { changed, problems, tried }, refusal) };
}

function sentence(
  draft: RuleDraft,
  { changed, problems, tried }: Pick<DraftState, 'changed' | 'problems' | 'tried'>,
  refusal: string | undefined,
): string {
  if (problems.length > 0) return problems.length === 1 ? 'One problem.' : `${problems.length} problems.`;
  const isClean = draft.checked?.text === draft.text;
  if (!changed) return isClean ? 'No problem. This is what is in force.' : 'This is what is in force.';
  if (refusal !== undefined) return tried ? `Tried on the past. ${refusal}` : refusal;
  if (tried) return 'Tried on the past: look at it below, then save.';
  return `${isClean ? 'No problem. ' : ''}Run a backtest before you save.`;
}

/** How many lines a text has, as an editor counts them. */
export function lineCount(text: string): number {
  return text.split('\n').length;
}

/** Where a line begins and ends in the text, for the caret. @param line from 1. */
export function lineSpan(text: string, line: number): readonly [from: number, to: number] {
  const lines = text.split('\n');
  const at = Math.min(Math.max(1, line), lines.length);
  const from = lines.slice(0, at - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return [from, from + (lines[at - 1]?.length ?? 0)];
}
