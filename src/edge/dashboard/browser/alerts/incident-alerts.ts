/** The alerts of one incident: where, what they read, and why. */
import type { IncidentAlertAnswer } from '../../alerts/answers.ts';
import { alertStateWords } from '../../alerts/delivery.ts';
import { readingText } from '../../alerts/reading.ts';
import { webAddress } from '../../alerts/timeline.ts';
import { hostHash } from '../../routes.ts';
import { html, setText } from '../element.ts';
import type { Services } from '../services.ts';
import type { Item } from './keyed-list.ts';
import { labelsText } from './loose-item.ts';
import { ageText, severityMark, wordChip } from './parts.ts';

export function alertItem(
  services: Services,
  unitOf: (metric: string) => string | undefined,
): (alert: IncidentAlertAnswer) => Item<IncidentAlertAnswer> {
  return (first) => {
    const state = wordChip();
    const since = ageText('began ');
    const values = html('p', { class: 'line-values' });
    const explanations = html('div', {});
    const said = html('p', { class: 'alert-said' });
    const host = html('a', { href: hostHash(first.client_id) }, first.client_id);
    const name = html(
      'p',
      { class: 'alert-name' },
      html('b', {}, first.rule),
      ' on ',
      host,
      html('span', { class: 'loose-labels' }, labelsText(first.labels)),
    );
    const body = html('div', { class: 'alert-body' }, name, said, values, explanations);
    const element = html(
      'li',
      { class: 'alert-row' },
      severityMark(first.severity),
      body,
      html('div', { class: 'alert-state' }, state.element, since.element),
    );
    let shown = '';
    return {
      element,
      show(alert) {
        state.show(alertStateWords(alert.state));
        since.show(alert.onset_ms, services.now());
        const key = JSON.stringify([alert.values, alert.explanations, alert.annotations]);
        if (key === shown) return;
        shown = key;
        setText(said, alert.annotations.description ?? alert.annotations.summary ?? '');
        values.replaceChildren(
          ...Object.entries(alert.values).map(([written, value]) =>
            html('span', { class: 'line-value' }, html('code', {}, written), ` ${readingText(written, value, unitOf)}`),
          ),
        );
        explanations.replaceChildren(...alert.explanations.map((text) => html('p', { class: 'line-text' }, text)));
      },
    };
  };
}

/** Links to runbooks, each once; what is no web address is shown as the text that it is. */
export function runbooksOf(alerts: readonly IncidentAlertAnswer[]): HTMLElement[] {
  const written = new Set(alerts.flatMap(({ annotations }) => annotations.runbook_url ?? []));
  return [...written].map((text) => {
    const href = webAddress(text);
    if (href === undefined) return html('span', { class: 'runbook' }, `Runbook: ${text}`);
    return html('a', { class: 'button runbook', href, target: '_blank', rel: 'noreferrer noopener', title: href }, 'Runbook ↗');
  });
}
