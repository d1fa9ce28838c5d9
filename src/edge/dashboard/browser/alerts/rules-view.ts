/** The rule file: edited, checked and tried on the past before it is saved; and the rules that are in force. */
import { DAY_MS } from '../../../../model/window.ts';
import { html, setText } from '../element.ts';
import type { Services, View } from '../services.ts';
import { backtestPanel } from './backtest-panel.ts';
import { actionButton, refusalNote, viewHead } from './parts.ts';
import { RuleDesk } from './rule-desk.ts';
import { ruleEditor } from './rule-editor.ts';
import { rulesTable } from './rules-table.ts';

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
    show(version: number | undefined) {
      element.hidden = version === undefined;
      setText(text, `Someone changed it meanwhile: the server has version ${version ?? ''}. Nothing of yours was saved.`);
    },
  };
}

function ruleButtons(services: Services, desk: RuleDesk, revert: () => Promise<void>) {
  const says = html('p', { class: 'draft-says', role: 'status' });
  const undo = actionButton(services, 'Undo all', revert);
  const save = actionButton(
    services,
    'Save',
    () => desk.save(),
    'is-primary',
    () => desk.canSave,
  );
  const element = html(
    'div',
    { class: 'draft-actions' },
    actionButton(services, 'Check', () => desk.check()),
    actionButton(services, 'Backtest 24 h', () => desk.backtest(DAY_MS)),
    actionButton(services, 'Backtest 7 d', () => desk.backtest(7 * DAY_MS)),
    undo,
    save,
    says,
  );
  undo.hidden = true;
  save.disabled = true;
  save.hidden = services.session.refusal() !== undefined;
  return {
    element,
    show(changed: boolean, sentence: string) {
      save.disabled = !desk.canSave;
      save.title = desk.canSave ? '' : sentence;
      undo.hidden = !changed;
      setText(says, sentence);
    },
  };
}

export function rulesView(services: Services): View {
  const version = html('p', { class: 'view-facts' }, 'Reading…');
  const editor = ruleEditor(() => desk.typed());
  const panel = backtestPanel();
  const table = rulesTable();
  const desk: RuleDesk = new RuleDesk({
    services,
    editor,
    tried: panel.show,
    inForce: table.show,
    conflict: (theirs) => conflict.show(theirs),
    changed(draft, state, said) {
      editor.showProblems(state.problems);
      panel.setStale(!state.tried);
      buttons.show(state.changed, said ?? state.says);
      setText(version, draft.version === 0 ? 'No file yet: the built-in rules hold' : `Version ${draft.version}`);
    },
  });
  const drop = (): Promise<void> => desk.load(false);
  const conflict = conflictPanel(services, drop, () => desk.keepMine());
  const buttons = ruleButtons(services, desk, drop);
  const help = 'YAML in the shape of Prometheus, expressions in CEL. A changed file is tried on the past before it can be saved.';
  const element = html('div', { class: 'rules' }, viewHead('Rules', version), ...refusalNote(services));
  element.append(html('p', { class: 'view-help' }, help), conflict.element, editor.element, buttons.element, panel.element);
  element.append(html('h2', { class: 'section-head' }, 'In force'), table.element);
  const onLeave = (event: BeforeUnloadEvent): void => {
    if (services.drafts.size > 0) event.preventDefault();
  };
  addEventListener('beforeunload', onLeave);
  desk.load(true).catch(services.report);
  return {
    title: 'Rules',
    element,
    stop() {
      desk.stop();
      removeEventListener('beforeunload', onLeave);
    },
  };
}
