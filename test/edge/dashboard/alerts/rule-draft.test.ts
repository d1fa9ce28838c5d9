/** A rule file is saved only when it was tried. */
import { describe, expect, it } from 'vitest';
import type { BacktestAnswer } from '../../../../src/edge/dashboard/alerts/answers.ts';
import { draftState, lineCount, lineSpan, type RuleDraft } from '../../../../src/edge/dashboard/alerts/rule-draft.ts';

const report: BacktestAnswer = {
  ...{ from_ms: 0, to_ms: 1, firings: 0, flaps: 0, pages: 0, rules: [], notes: [] },
  transition_count: 0,
  transitions: [],
};
const draft = (part: Partial<RuleDraft>): RuleDraft => ({
  text: 'new',
  saved: 'old',
  version: 1,
  checked: undefined,
  trial: undefined,
  ...part,
});
const tried = (text: string) => ({ trial: { text, report }, checked: { text, problems: [] } });

describe('a rule file can be saved', () => {
  it('only when this very text was tried on the past', () => {
    expect(draftState(draft({}), undefined).canSave).toBe(false);
    expect(draftState(draft(tried('newer')), undefined).canSave).toBe(false);
    expect(draftState(draft(tried('new')), undefined).canSave).toBe(true);
  });

  it('not when it is what is there already', () => {
    expect(draftState(draft({ ...tried('old'), text: 'old' }), undefined)).toMatchObject({ changed: false, canSave: false });
  });

  it('not by who may only look, who is told so', () => {
    const state = draftState(draft(tried('new')), 'Look only.');
    expect(state.canSave).toBe(false);
    expect(state.says).toContain('Look only.');
  });

  it('problems are those of this text', () => {
    const problems = [{ line: 3, path: 'x', message: 'is wrong' }];
    expect(draftState(draft({ checked: { text: 'new', problems } }), undefined)).toMatchObject({ problems, canSave: false });
    expect(draftState(draft({ checked: { text: 'other', problems } }), undefined).problems).toEqual([]);
  });
});

describe('lines of a text', () => {
  it('are counted as an editor does', () => {
    expect(lineCount('')).toBe(1);
    expect(lineCount('a\nb\n')).toBe(3);
  });

  it('a line begins and ends at its characters, and one that is not there is the last', () => {
    expect(lineSpan('ab\ncde\nf', 2)).toEqual([3, 6]);
    expect(lineSpan('ab\ncde', 9)).toEqual([3, 6]);
    expect(lineSpan('ab', 0)).toEqual([0, 2]);
  });
});
