/** The rule file: edited, checked and tried on the past before it is saved; and the rules that are in force. */
import { DAY_MS } from '../../../../model/window.ts';
import { draftState, type RuleDraft } from '../../alerts/rule-draft.ts';
import { html, setText } from '../element.ts';
import type { Services, View } from '../services.ts';
import { backtestPanel } from './backtest-panel.ts';
import { actionButton, refusalNote, viewHead } from './parts.ts';
import { ruleEditor, statusLine } from './rule-editor.ts';
import { rulesTable } from './rules-table.ts';

const DRAFT = 'rules';

/** What may be done where somebody else saved in the meantime. */
function conflictPanel(services: Services, theirs: () => Promise<void>, mine: () => void) {
  const text = html('span', {});
  const element = html('div', { class: 'banner', 'data-tone': 'warn', role: 'alert' }, text);
  element.append(
    actionButton(services, 'Show theirs, drop mine', theirs, 'is-small'),
    actionButton(services, 'Keep mine, to save over theirs', mine, 'is-small'),
  );
  element.hidden = true;
  return {
    element,
    show(version: number) {
      element.hidden = false;
      setText(text, `Someone changed it meanwhile: the server has version ${version}. Nothing was saved.`);
    },
    hide() {
      element.hidden = true;
    },
  };
}

export function rulesView(services: Services): View {
  let draft: RuleDraft | undefined;
  let theirVersion = 0;
  let stopped = false;
  const refusal = services.session.refusal();
  const status = statusLine();
  const version = html('p', { class: 'view-facts' }, 'Reading…');
  const editor = ruleEditor(() => change({ text: editor.text() }));
  const panel = backtestPanel();
  const table = rulesTable();

  const change = (part: Partial<RuleDraft>): void => {
    if (draft === undefined) return;
    draft = { ...draft, ...part };
    const state = draftState(draft, refusal);
    if (state.changed) services.drafts.set(DRAFT, JSON.stringify([draft.version, draft.text]));
    else services.drafts.delete(DRAFT);
    save.disabled = !state.canSave;
    save.title = state.canSave ? '' : state.says;
    revert.hidden = !state.changed;
    editor.showProblems(state.problems);
    panel.setStale(!state.tried);
    status.show(state.says);
    setText(version, draft.version === 0 ? 'No file yet: the built-in rules hold' : `Version ${draft.version}`);
  };
  const load = async (keepDraft: boolean): Promise<void> => {
    const [{ file, version: known }, active] = await Promise.all([services.alerts.ruleFile(), services.alerts.rules()]);
    if (stopped) return;
    const kept = keepDraft ? services.drafts.get(DRAFT) : undefined;
    const [base, typed] = kept === undefined ? [known, file] : (JSON.parse(kept) as [number, string]);
    editor.setText(typed);
    draft = { text: typed, saved: file, version: base, checked: undefined, trial: undefined };
    theirVersion = known;
    table.show(active.rules);
    if (base === known) conflict.hide();
    else conflict.show(known);
    change({});
  };
  const check = async (): Promise<boolean> => {
    const text = editor.text();
    const problems = await services.alerts.checkRules(text);
    change({ checked: { text, problems } });
    return problems.length === 0;
  };
  const backtest = (spanMs: number) => async (): Promise<void> => {
    const text = editor.text();
    status.show('Running over the past…');
    const nowMs = Math.floor(services.now());
    const answer = await services.alerts.backtest(text, nowMs - spanMs, nowMs).catch((failure: unknown) => {
      change({});
      throw failure;
    });
    if (stopped || answer.kind === 'stale') return;
    if (answer.kind === 'invalid') {
      change({ checked: { text, problems: answer.problems } });
      return;
    }
    panel.show(answer.value);
    change({ checked: { text, problems: [] }, trial: { text, report: answer.value } });
  };
  const put = async (): Promise<void> => {
    if (draft === undefined) return;
    const text = editor.text();
    const answer = await services.alerts.putRules(text, draft.version);
    if (answer.kind === 'stale') {
      theirVersion = answer.version;
      conflict.show(theirVersion);
    }
    if (answer.kind === 'invalid') change({ checked: { text, problems: answer.problems } });
    if (answer.kind !== 'done') return;
    change({ saved: text, version: answer.value.version });
    status.show(`Saved as version ${answer.value.version}: it is in force.`);
    table.show((await services.alerts.rules()).rules);
  };
  const conflict = conflictPanel(
    services,
    () => load(false),
    () => {
      conflict.hide();
      change({ version: theirVersion });
    },
  );
  const maySave = (): boolean => draft !== undefined && draftState(draft, refusal).canSave;
  const save = actionButton(services, 'Save', put, 'is-primary', maySave);
  const revert = actionButton(services, 'Undo all', () => load(false));
  const buttons = html(
    'div',
    { class: 'draft-actions' },
    actionButton(services, 'Check', async () => {
      await check();
    }),
    actionButton(services, 'Backtest 24 h', backtest(DAY_MS)),
    actionButton(services, 'Backtest 7 d', backtest(7 * DAY_MS)),
    revert,
    save,
    status.element,
  );
  save.disabled = true;
  revert.hidden = true;
  save.hidden = refusal !== undefined;
  const help = html(
    'p',
    { class: 'view-help' },
    'YAML in the shape of Prometheus, expressions in CEL. A changed file is tried on the past before it can be saved.',
  );
  const element = html(
    'div',
    { class: 'rules' },
    viewHead('Rules', version),
    ...refusalNote(services),
    help,
    conflict.element,
    editor.element,
    buttons,
    panel.element,
    html('h2', { class: 'section-head' }, 'In force'),
    table.element,
  );
  const onLeave = (event: BeforeUnloadEvent): void => {
    if (services.drafts.has(DRAFT)) event.preventDefault();
  };
  addEventListener('beforeunload', onLeave);
  load(true).catch(services.report);
  return {
    title: 'Rules',
    element,
    stop() {
      stopped = true;
      removeEventListener('beforeunload', onLeave);
    },
  };
}
