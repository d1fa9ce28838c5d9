/** One incident in a list: what, where, since when, who was told, and what can be done about it. */
import type { AlertAnswer, IncidentRow } from '../../alerts/answers.ts';
import { deliveryWords, incidentStateWords } from '../../alerts/delivery.ts';
import { namesText } from '../../alerts/incidents.ts';
import type { Match } from '../../alerts/matchers.ts';
import { incidentHash } from '../../routes.ts';
import { html, setAttribute, setText } from '../element.ts';
import type { Services } from '../services.ts';
import { actOn, silenceButton } from './incident-actions.ts';
import type { Item } from './keyed-list.ts';
import { actionButton, ageText, severityMark, wordChip } from './parts.ts';

export interface IncidentContext {
  readonly services: Services;
  readonly hostsOf: (incident: string) => readonly string[];
  /** undefined: not read yet. */
  readonly alertsOf: (incident: string) => readonly AlertAnswer[] | undefined;
  readonly silenced: (match: Match) => void;
}

function placesText(incident: IncidentRow, hosts: readonly string[]): string {
  const count = incident.alert_count > 1 ? `${incident.alert_count} alerts` : '';
  const isInTitle = hosts.every((host) => incident.title.includes(host));
  const where = isInTitle ? '' : namesText(hosts);
  const labels = Object.entries(incident.group_labels)
    .filter(([name, value]) => name !== 'host' && value !== '' && !incident.title.includes(value))
    .map(([, value]) => value);
  return [where, count, ...labels].filter((part) => part !== '').join(' · ');
}

export function incidentItem(context: IncidentContext): (incident: IncidentRow) => Item<IncidentRow> {
  const { services } = context;
  return (first) => {
    let now = first;
    const link = html('a', { class: 'incident-title', href: incidentHash(first.id) });
    const places = html('span', { class: 'incident-places' });
    const severity = html('span', { class: 'incident-severity' });
    const delivery = wordChip();
    const state = wordChip();
    const since = ageText('began ');
    const by = html('span', { class: 'incident-by' });
    const mark = html('span', { class: 'incident-mark' }, severityMark(first.severity, true));
    const acknowledge = actionButton(
      services,
      'Acknowledge',
      () => actOn(services, now.id, { kind: 'acknowledge' }),
      'is-small is-strong',
    );
    const about = () => {
      const alerts = context.alertsOf(now.id);
      return alerts && { incident: now, alerts };
    };
    const silence = silenceButton(services, { about, done: context.silenced });
    const actions = html('div', { class: 'incident-actions' }, acknowledge, silence);
    actions.hidden = services.session.refusal() !== undefined;
    const facts = html('div', { class: 'incident-facts' }, severity, places, delivery.element);
    const when = html('div', { class: 'incident-when' }, html('span', {}, state.element, by), since.element);
    const element = html('li', { class: 'incident' }, mark, html('div', { class: 'incident-what' }, link, facts), when, actions);
    return {
      element,
      show(incident) {
        if (incident.severity !== now.severity) mark.replaceChildren(severityMark(incident.severity, true));
        now = incident;
        setText(link, incident.title);
        setText(severity, incident.severity);
        setText(places, placesText(incident, context.hostsOf(incident.id)));
        delivery.show(deliveryWords(incident.delivery));
        state.show(incidentStateWords(incident.state));
        setText(by, incident.acknowledged_by === null ? '' : `by ${incident.acknowledged_by}`);
        since.show(incident.onset_ms, services.now());
        setAttribute(element, 'data-severity', incident.severity);
        setAttribute(element, 'data-state', incident.state);
        // In its place, so that nothing beside it moves.
        acknowledge.style.visibility = incident.state === 'open' ? 'visible' : 'hidden';
      },
    };
  };
}
