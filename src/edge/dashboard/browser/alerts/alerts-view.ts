/** What is wrong now: open incidents, the most urgent first, and the alerts that are not sure of themselves. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import type { AlertAnswer, IncidentRow } from '../../alerts/answers.ts';
import { badgeOf, byUrgency, hostsByIncident, steadyOrder } from '../../alerts/incidents.ts';
import { matchText } from '../../alerts/matchers.ts';
import { html, setText } from '../element.ts';
import type { Services, View } from '../services.ts';
import { type IncidentContext, incidentItem } from './incident-item.ts';
import { KeyedList } from './keyed-list.ts';
import { looseSection } from './loose-section.ts';
import { refusalNote, viewHead } from './parts.ts';
import { polling } from './polling.ts';

function undeliveredBanner() {
  const text = html('span', {});
  const link = html('a', { href: '#/channels' }, 'Set up a channel');
  const element = html('p', { class: 'banner', 'data-tone': 'bad', role: 'status' }, text, link);
  return {
    element,
    show(count: number) {
      element.hidden = count === 0;
      const who = count === 1 ? '1 incident is undelivered' : `${count} incidents are undelivered`;
      setText(text, `${who}: no channel is set up for ${count === 1 ? 'it' : 'them'}, nobody was told. `);
    },
  };
}

function summaryText(active: number, open: number): string {
  if (active === 0) return 'Nothing is wrong.';
  const parts = [open > 0 ? `${open} open` : '', active > open ? `${active - open} acknowledged` : ''];
  return parts.filter((part) => part !== '').join(' · ');
}

/** The list, in an order that holds still. */
function incidentList(context: IncidentContext) {
  const list = new KeyedList(html('ul', { class: 'incidents' }), ({ id }) => id, incidentItem(context));
  const more = html('p', { class: 'none' });
  return {
    elements: [list.element, more],
    show(active: readonly IncidentRow[]) {
      const byId = new Map(active.map((incident) => [incident.id, incident]));
      const wanted = [...active].sort(byUrgency).map(({ id }) => id);
      const order = steadyOrder(list.keys, wanted);
      const shown = order.slice(0, ALERT_LIMITS.pageAlertsShownMax).flatMap((id) => byId.get(id) ?? []);
      list.set(shown);
      list.element.hidden = shown.length === 0;
      setText(more, order.length > shown.length ? `and ${order.length - shown.length} more` : '');
    },
    refresh: () => list.refresh(),
  };
}

export function alertsView(services: Services): View {
  let alerts: readonly AlertAnswer[] | undefined;
  let hosts: ReadonlyMap<string, readonly string[]> = new Map();
  const summary = html('p', { class: 'view-facts', role: 'status' }, 'Reading…');
  const banner = undeliveredBanner();
  const said = html('p', { class: 'said', role: 'status' });
  const list = incidentList({
    services,
    hostsOf: (id) => hosts.get(id) ?? [],
    alertsOf: (id) => alerts?.filter(({ incident }) => incident === id),
    silenced: (match) => setText(said, `Silenced: ${matchText(match)}. It stands under Channels.`),
  });
  const loose = looseSection(services);
  const head = [viewHead('Alerts', summary), ...refusalNote(services), banner.element, said];
  const element = html('div', { class: 'alerts' }, ...head, ...list.elements, loose.element);

  const show = (): void => {
    const active = services.incidents.active;
    if (active === undefined) return;
    list.show(active);
    const badge = badgeOf(active);
    setText(summary, summaryText(badge.active, badge.open));
    banner.show(badge.undelivered);
  };
  const poll = polling(services, ALERT_LIMITS.pageAlertPollMs, async (ended) => {
    const answer = await services.alerts.alerts();
    if (ended()) return;
    alerts = answer;
    hosts = hostsByIncident(answer);
    loose.show(answer);
    show();
  });
  const stops = [
    poll.stop,
    services.incidents.onChange(show),
    services.every(1_000, () => {
      if (document.hidden) return;
      list.refresh();
      loose.refresh();
    }),
  ];
  banner.show(0);
  services.incidents.refresh();
  poll.now();
  show();
  return {
    title: 'Alerts',
    element,
    stop() {
      for (const stop of stops) stop();
    },
  };
}
