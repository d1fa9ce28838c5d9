/** The alerts that have not fired yet, and those of which nobody knows: below the incidents. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import type { AlertAnswer } from '../../alerts/answers.ts';
import { looseAlerts, steadyOrder } from '../../alerts/incidents.ts';
import { html, setText } from '../element.ts';
import type { Services } from '../services.ts';
import { KeyedList } from './keyed-list.ts';
import { looseItem } from './loose-item.ts';

export function looseSection(services: Services) {
  const list = new KeyedList(html('ul', { class: 'loose panel' }), ({ alert }) => alert, looseItem(services));
  const more = html('p', { class: 'none' });
  const head = html('h2', { class: 'section-head' }, 'Pending and unknown');
  const element = html('section', {}, head, list.element, more);
  element.hidden = true;
  return {
    element,
    show(alerts: readonly AlertAnswer[]) {
      const found = looseAlerts(alerts);
      const byId = new Map(found.map((one) => [one.alert, one]));
      const order = steadyOrder(list.keys, [...byId.keys()]);
      const shown = order.slice(0, ALERT_LIMITS.pageAlertsShownMax).flatMap((id) => byId.get(id) ?? []);
      list.set(shown);
      element.hidden = found.length === 0;
      setText(more, order.length > shown.length ? `and ${order.length - shown.length} more` : '');
    },
    refresh: () => list.refresh(),
  };
}
