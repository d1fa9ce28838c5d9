/** The rule file on the page: read, checked, tried and saved; what is shown of it is told with each change. */

import type { BacktestAnswer, RuleAnswer } from '../../alerts/answers.ts';
import { type DraftState, draftState, type RuleDraft } from '../../alerts/rule-draft.ts';
import type { Services } from '../services.ts';
import type { RuleEditor } from './rule-editor.ts';

export interface RuleDeskOptions {
  readonly services: Services;
  readonly editor: RuleEditor;
  /** After each change. @param said what has just been done, where that is more than the state says. */
  readonly changed: (draft: RuleDraft, state: DraftState, said: string | undefined) => void;
  readonly tried: (report: BacktestAnswer) => void;
  readonly inForce: (rules: readonly RuleAnswer[]) => void;
  /** Somebody else saved meanwhile: the version that is there; undefined: it is settled. */
  readonly conflict: (version: number | undefined) => void;
}

/** Where what was typed is kept while somebody looks elsewhere, with the version that it began with. */
const DRAFT = 'rules';

export class RuleDesk {
  readonly #options: RuleDeskOptions;
  #draft: RuleDraft | undefined;
  #theirVersion = 0;
  #stopped = false;

  constructor(options: RuleDeskOptions) {
    this.#options = options;
  }

  get canSave(): boolean {
    return this.#draft !== undefined && draftState(this.#draft, this.#options.services.session.refusal()).canSave;
  }

  /** Somebody typed. */
  typed(): void {
    this.#change({ text: this.#options.editor.text() });
  }

  /** @param keepDraft what was typed before and not saved comes back. */
  async load(keepDraft: boolean): Promise<void> {
    const { services, editor, inForce, conflict } = this.#options;
    const [{ file, version }, active] = await Promise.all([services.alerts.ruleFile(), services.alerts.rules()]);
    if (this.#stopped) return;
    const kept = keepDraft ? services.drafts.get(DRAFT) : undefined;
    const [base, text] = kept === undefined ? [version, file] : (JSON.parse(kept) as [number, string]);
    editor.setText(text);
    this.#draft = { text, saved: file, version: base, checked: undefined, trial: undefined };
    this.#theirVersion = version;
    inForce(active.rules);
    conflict(base === version ? undefined : version);
    this.#change({});
  }

  async check(): Promise<void> {
    const text = this.#options.editor.text();
    const problems = await this.#options.services.alerts.checkRules(text);
    this.#change({ checked: { text, problems } });
  }

  async backtest(spanMs: number): Promise<void> {
    const { services, editor, tried } = this.#options;
    const text = editor.text();
    this.#change({}, 'Running over the past…');
    const nowMs = Math.floor(services.now());
    const answer = await services.alerts.backtest(text, nowMs - spanMs, nowMs).catch((failure: unknown) => {
      this.#change({});
      throw failure;
    });
    if (this.#stopped || answer.kind === 'stale') return;
    if (answer.kind === 'done') tried(answer.value);
    if (answer.kind === 'done') this.#change({ checked: { text, problems: [] }, trial: { text, report: answer.value } });
    else this.#change({ checked: { text, problems: answer.problems } });
  }

  async save(): Promise<void> {
    const { services, editor, conflict, inForce } = this.#options;
    if (this.#draft === undefined) return;
    const text = editor.text();
    const answer = await services.alerts.putRules(text, this.#draft.version);
    if (answer.kind === 'invalid') this.#change({ checked: { text, problems: answer.problems } });
    if (answer.kind === 'stale') {
      this.#theirVersion = answer.version;
      conflict(answer.version);
    }
    if (answer.kind !== 'done') return;
    const { version } = answer.value;
    this.#change({ saved: text, version }, `Saved as version ${version}: it is in force.`);
    inForce((await services.alerts.rules()).rules);
  }

  /** What is typed may now replace what somebody else saved. */
  keepMine(): void {
    this.#options.conflict(undefined);
    this.#change({ version: this.#theirVersion });
  }

  stop(): void {
    this.#stopped = true;
  }

  #change(part: Partial<RuleDraft>, said?: string): void {
    const { services, changed } = this.#options;
    if (this.#draft === undefined || this.#stopped) return;
    const draft = { ...this.#draft, ...part };
    this.#draft = draft;
    const state = draftState(draft, services.session.refusal());
    if (state.changed) services.drafts.set(DRAFT, JSON.stringify([draft.version, draft.text]));
    else services.drafts.delete(DRAFT);
    changed(draft, state, said);
  }
}
