/** One incident: what it is, what it did, who was told, and what people did about it. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import { MetricStreamError } from '../../../../model/errors.ts';
import type { IncidentFull, RuleAnswer, TimelineEntry } from '../../alerts/answers.ts';
import { deliveryWords, incidentStateWords } from '../../alerts/delivery.ts';
import { matchText } from '../../alerts/matchers.ts';
import { type Milestone, milestonesOf, timelineOf } from '../../alerts/timeline.ts';
import { clockTime, exactTime } from '../../alerts/times.ts';
import { html, setText } from '../element.ts';
import type { Services, View } from '../services.ts';
import { actOn, silenceButton } from './incident-actions.ts';
import { alertItem, runbooksOf } from './incident-alerts.ts';
import { incidentChart } from './incident-chart.ts';
import { KeyedList } from './keyed-list.ts';
import { actionButton, refusalNote, severityMark, twiceButton, wordChip } from './parts.ts';
import { polling } from './polling.ts';
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

/** Everything below the head. */
function incidentBody(services: Services, id: string, unitOf: (metric: string) => string | undefined, changed: () => void) {
  const said = html('p', { class: 'said', role: 'status' });
  const strip = milestoneStrip();
  const chart = incidentChart(services);
  const alerts = new KeyedList(html('ul', { class: 'panel alert-rows' }), ({ alert }) => alert, alertItem(services, unitOf));
  const more = html('p', { class: 'none' });
  const timeline = new KeyedList(html('ol', { class: 'timeline panel' }), (item) => item.id, timelineItem(unitOf));
  const head = (text: string): HTMLElement => html('h2', { class: 'section-head' }, text);
  const left = html('div', { class: 'incident-side' }, chart.element, head('Alerts'), alerts.element, more);
  const form = noteForm(services, id, changed);
  const right = html('div', { class: 'incident-side' }, head('Timeline'), timeline.element, form);
  const body = html('div', { class: 'incident-body' }, left, right);
  const element = html('div', { class: 'incident-whole' }, ...refusalNote(services), said, strip.element, body);
  element.hidden = true;
  return {
    element,
    say: (text: string) => setText(said, text),
    show(incident: IncidentFull, entries: readonly TimelineEntry[], rules: readonly RuleAnswer[]) {
      element.hidden = false;
      strip.show(milestonesOf(incident));
      alerts.set(incident.alerts);
      const hidden = incident.alert_count - incident.alerts.length;
      setText(more, hidden > 0 ? `and ${hidden} more` : '');
      timeline.set(timelineOf(incident, entries));
      chart.show(incident, rules);
    },
    refresh: () => alerts.refresh(),
    stop: () => chart.stop(),
  };
}

export function incidentView(services: Services, id: string): View {
  let known: { readonly rules: readonly RuleAnswer[]; readonly units: ReadonlyMap<string, string> } | undefined;
  const head = incidentHead(services, (text) => {
    body.say(text);
    poll.now();
  });
  const body = incidentBody(
    services,
    id,
    (metric) => known?.units.get(metric),
    () => poll.now(),
  );
  const note = html('p', { class: 'none', role: 'status' }, 'Reading…');
  const element = html('div', { class: 'incident-view' }, head.element, note, body.element);

  const readKnown = async () => {
    const [{ rules }, units] = await Promise.all([services.alerts.rules(), services.api.units()]);
    return { rules, units };
  };
  const poll = polling(services, ALERT_LIMITS.pageAlertPollMs, async (ended) => {
    known ??= await readKnown();
    const answer = await services.alerts.incident(id).catch((failure: unknown) => {
      if (!(failure instanceof MetricStreamError) || failure.code !== 'not_found') throw failure;
      setText(note, 'There is no such incident, or no longer.');
      poll.stop();
    });
    if (ended() || !answer) return;
    note.hidden = true;
    head.show(answer.incident);
    body.show(answer.incident, answer.timeline, known.rules);
  });
  const stopTicking = services.every(1_000, () => document.hidden || body.refresh());
  poll.now();
  return {
    title: 'Incident',
    element,
    stop() {
      poll.stop();
      stopTicking();
      body.stop();
    },
  };
}
