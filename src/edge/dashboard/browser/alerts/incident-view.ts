/** One incident: what it is, what it did, who was told, and what people did about it. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import { MetricStreamError } from '../../../../model/errors.ts';
import type { IncidentFull, RuleAnswer } from '../../alerts/answers.ts';
import { deliveryWords, incidentStateWords } from '../../alerts/delivery.ts';
import { matchText } from '../../alerts/matchers.ts';
import { type Milestone, milestonesOf, timelineOf } from '../../alerts/timeline.ts';
import { clockTime, exactTime } from '../../alerts/times.ts';
import { html, setAttribute, setText } from '../element.ts';
import type { Services, View } from '../services.ts';
import { actOn, silenceButton } from './incident-actions.ts';
import { alertItem, runbooksOf } from './incident-alerts.ts';
import { incidentChart } from './incident-chart.ts';
import { KeyedList } from './keyed-list.ts';
import { actionButton, refusalNote, severityMark, twiceButton, wordChip } from './parts.ts';
import { timelineItem } from './timeline-item.ts';

/** The head: title, state, buttons. */
function incidentHead(services: Services, changed: (said: string) => void) {
  const mark = html('span', { class: 'incident-mark' });
  const title = html('h1', { tabindex: '-1' }, 'Incident');
  const state = wordChip();
  const delivery = wordChip();
  const severity = html('span', {});
  const runbooks = html('span', { class: 'runbooks' });
  let now: IncidentFull | undefined;
  const act = (kind: 'acknowledge' | 'resolve') => async () => {
    if (now === undefined) return;
    await actOn(services, now.id, { kind });
    changed('');
  };
  const acknowledge = actionButton(services, 'Acknowledge', act('acknowledge'), 'is-primary');
  const resolve = twiceButton(services, 'Resolve', 'Click again to resolve', act('resolve'));
  const about = () => now && { incident: now, alerts: now.alerts };
  const silence = silenceButton(services, { about, done: (match) => changed(`Silenced: ${matchText(match)}.`) }, '');
  const buttons = html('div', { class: 'head-actions' }, acknowledge, silence, resolve);
  const back = html('a', { class: 'back', href: '#/alerts', 'aria-label': 'All alerts' }, '←');
  const facts = html('p', { class: 'view-facts' }, severity, state.element, delivery.element, runbooks);
  const element = html(
    'div',
    { class: 'incident-head' },
    html('div', { class: 'host-title' }, back, mark, title),
    facts,
    buttons,
  );
  buttons.hidden = true;
  return {
    element,
    show(incident: IncidentFull) {
      if (now?.severity !== incident.severity) mark.replaceChildren(severityMark(incident.severity, true));
      now = incident;
      setText(title, incident.title);
      setText(severity, incident.severity);
      state.show(incidentStateWords(incident.state));
      delivery.show(deliveryWords(incident.delivery));
      const links = runbooksOf(incident.alerts);
      const shown = links.map((link) => link.title || link.textContent).join('\n');
      if (runbooks.dataset.shown !== shown) runbooks.replaceChildren(...links);
      runbooks.dataset.shown = shown;
      buttons.hidden = services.session.refusal() !== undefined || incident.state === 'resolved';
      acknowledge.hidden = incident.state !== 'open';
    },
  };
}

/** Began, paged, acknowledged, resolved. */
function milestoneStrip() {
  const element = html('dl', { class: 'tiles is-milestones', 'aria-label': 'Times' });
  let shown = '';
  const tile = ({ name, atMs, note }: Milestone): HTMLElement => {
    const date = atMs === null ? undefined : new Date(atMs);
    const value = html('dd', { class: 'tile-value', ...(date ? { title: exactTime(date) } : {}) }, date ? clockTime(date) : '–');
    return html(
      'div',
      { class: 'tile' },
      html('dt', { class: 'tile-name' }, name),
      value,
      html('dd', { class: 'tile-note' }, note || ' '),
    );
  };
  return {
    element,
    show(milestones: readonly Milestone[]) {
      const key = JSON.stringify(milestones);
      if (key !== shown) element.replaceChildren(...milestones.map(tile));
      shown = key;
    },
  };
}

function noteForm(services: Services, id: string, changed: () => void): HTMLElement {
  const input = html('textarea', {
    class: 'input',
    rows: '2',
    required: '',
    maxlength: String(ALERT_LIMITS.noteLengthMax),
    'aria-label': 'Note',
    placeholder: 'What you found, what you did',
  });
  const button = html('button', { class: 'button', type: 'submit' }, 'Add note');
  const form = html('form', { class: 'note-form' }, input, button);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    button.disabled = true;
    actOn(services, id, { kind: 'notes', text: input.value })
      .then(() => {
        input.value = '';
        changed();
      }, services.report)
      .finally(() => {
        button.disabled = false;
      });
  });
  form.hidden = services.session.refusal() !== undefined;
  return form;
}

export function incidentView(services: Services, id: string): View {
  let rules: readonly RuleAnswer[] = [];
  let units: ReadonlyMap<string, string> = new Map();
  let incident: IncidentFull | undefined;
  let reading = false;
  let stopped = false;
  const unitOf = (metric: string): string | undefined => units.get(metric);
  const said = html('p', { class: 'said', role: 'status' });
  const changed = (text: string): void => {
    setText(said, text);
    read();
  };
  const head = incidentHead(services, changed);
  const strip = milestoneStrip();
  const chart = incidentChart(services);
  const alerts = new KeyedList(html('ul', { class: 'panel alert-rows' }), ({ alert }) => alert, alertItem(services, unitOf));
  const more = html('p', { class: 'none' });
  const timeline = new KeyedList(html('ol', { class: 'timeline panel' }), (item) => item.id, timelineItem(unitOf));
  const note = html('p', { class: 'none', role: 'status' }, 'Reading…');
  const body = html('div', { class: 'incident-body' });
  const left = html(
    'div',
    { class: 'incident-side' },
    chart.element,
    html('h2', { class: 'section-head' }, 'Alerts'),
    alerts.element,
    more,
  );
  const right = html('div', { class: 'incident-side' }, html('h2', { class: 'section-head' }, 'Timeline'), timeline.element);
  right.append(noteForm(services, id, () => changed('')));
  body.append(left, right);
  const whole = html('div', { class: 'incident-whole' }, ...refusalNote(services), said, strip.element, body);
  const element = html('div', { class: 'incident-view' }, head.element, note, whole);
  whole.hidden = true;

  const show = (): void => {
    if (incident === undefined) return;
    head.show(incident);
    strip.show(milestonesOf(incident));
    alerts.set(incident.alerts);
    const left = incident.alert_count - incident.alerts.length;
    setText(more, left > 0 ? `and ${left} more` : '');
    chart.show(incident, rules);
    setAttribute(element, 'data-state', incident.state);
  };
  const take = async (): Promise<void> => {
    const answer = await services.alerts.incident(id);
    if (stopped) return;
    incident = answer.incident;
    note.hidden = true;
    whole.hidden = false;
    timeline.set(timelineOf(answer.incident, answer.timeline));
    show();
  };
  const read = (): void => {
    if (reading) return;
    reading = true;
    take()
      .catch((failure: unknown) => {
        const isGone = failure instanceof MetricStreamError && failure.code === 'not_found';
        if (isGone) setText(note, 'There is no such incident, or no longer.');
        else services.report(failure);
        if (isGone) stop();
      })
      .finally(() => {
        reading = false;
      });
  };
  const stops = [
    services.every(ALERT_LIMITS.pageAlertPollMs, () => document.hidden || read()),
    services.every(1_000, () => document.hidden || alerts.refresh()),
  ];
  const stop = (): void => {
    for (const one of stops) one();
  };
  Promise.all([services.alerts.rules(), services.api.units()])
    .then(([answer, all]) => {
      rules = answer.rules;
      units = all;
    }, services.report)
    .finally(() => stopped || read());
  return {
    title: 'Incident',
    element,
    stop() {
      stopped = true;
      stop();
      chart.stop();
    },
  };
}
