/** One incident among those that were. */
import type { IncidentRow } from '../../alerts/answers.ts';
import { deliveryWords, incidentStateWords } from '../../alerts/delivery.ts';
import { timesOf } from '../../alerts/history.ts';
import { stretch } from '../../alerts/times.ts';
import { incidentHash } from '../../routes.ts';
import { html, setText } from '../element.ts';
import type { Services } from '../services.ts';
import type { Item } from './keyed-list.ts';
import { ageText, severityMark, wordChip } from './parts.ts';

export function historyItem(services: Services): (incident: IncidentRow) => Item<IncidentRow> {
  return (first) => {
    const link = html('a', { class: 'incident-title', href: incidentHash(first.id) });
    const began = ageText();
    const state = wordChip();
    const delivery = wordChip();
    const detect = html('span', {});
    const resolve = html('span', {});
    const time = (name: string, title: string, value: HTMLElement): HTMLElement =>
      html('span', { class: 'history-time', title }, html('span', { class: 'metric-name' }, name), value);
    const facts = html('div', { class: 'incident-facts' }, html('span', {}, first.severity), state.element, delivery.element);
    const element = html(
      'li',
      { class: 'incident', 'data-severity': first.severity },
      html('span', { class: 'incident-mark' }, severityMark(first.severity, true)),
      html('div', { class: 'incident-what' }, link, facts),
      html(
        'div',
        { class: 'history-numbers' },
        time('detected', 'From onset in event time to the first page', detect),
        time('resolved', 'From opening to resolution', resolve),
      ),
      html('div', { class: 'incident-when' }, began.element),
    );
    return {
      element,
      show(incident) {
        setText(link, incident.title);
        state.show(incidentStateWords(incident.state));
        delivery.show(deliveryWords(incident.delivery));
        began.show(incident.onset_ms, services.now());
        const { detectMs, resolveMs } = timesOf(incident);
        setText(detect, stretch(detectMs));
        setText(resolve, stretch(resolveMs));
      },
    };
  };
}
