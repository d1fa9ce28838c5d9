/** One alert that has not fired yet, or of which nobody knows what it does. */
import type { AlertAnswer } from '../../alerts/answers.ts';
import { alertStateWords } from '../../alerts/delivery.ts';
import { readingText } from '../../alerts/reading.ts';
import { hostHash, incidentHash } from '../../routes.ts';
import { html, setText } from '../element.ts';
import type { Services } from '../services.ts';
import type { Item } from './keyed-list.ts';
import { ageText, severityMark, wordChip } from './parts.ts';

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .filter(([name]) => name !== 'severity')
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

function valuesText(values: Readonly<Record<string, number>>, unitOf: (metric: string) => string | undefined): string {
  return Object.entries(values)
    .map(([written, value]) => `${written} ${readingText(written, value, unitOf)}`)
    .join(' · ');
}

export function looseItem(services: Services): (alert: AlertAnswer) => Item<AlertAnswer> {
  return (first) => {
    const state = wordChip();
    const since = ageText();
    const values = html('span', { class: 'loose-values' });
    const host = html('a', { href: hostHash(first.client_id) }, first.client_id);
    const rule = html('span', { class: 'loose-rule' }, first.rule);
    const labels = html('span', { class: 'loose-labels' }, labelsText(first.labels));
    const what = html('div', { class: 'loose-what' }, rule, ' on ', host, labels);
    if (first.incident !== null)
      what.append(html('a', { class: 'loose-incident', href: incidentHash(first.incident) }, 'its incident'));
    const element = html('li', { class: 'loose-item' }, severityMark(first.severity), what, values, state.element, since.element);
    return {
      element,
      show(alert) {
        state.show(alertStateWords(alert.state));
        since.show(alert.state === 'unknown' ? alert.at_ms : alert.onset_ms, services.now());
        setText(
          values,
          valuesText(alert.values, () => undefined),
        );
      },
    };
  };
}
