/** What is wrong now: open incidents, the most urgent first, and the alerts that are not sure of themselves. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import type { AlertAnswer } from '../../alerts/answers.ts';
import { badgeOf, byUrgency, hostsByIncident, looseAlerts, steadyOrder } from '../../alerts/incidents.ts';
import { matchText } from '../../alerts/matchers.ts';
import { html, setText } from '../element.ts';
import type { Services, View } from '../services.ts';
import { incidentItem } from './incident-item.ts';
import { KeyedList } from './keyed-list.ts';
import { looseItem } from './loose-item.ts';
import { refusalNote, viewHead } from './parts.ts';

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

export function alertsView(services: Services): View {
  let alerts: readonly AlertAnswer[] | undefined;
  let hosts: ReadonlyMap<string, readonly string[]> = new Map();
  let stopped = false;
  let reading = false;
  const summary = html('p', { class: 'view-facts', role: 'status' }, 'Reading…');
  const banner = undeliveredBanner();
  const said = html('p', { class: 'said', role: 'status' });
  const context = {
    services,
    hostsOf: (id: string) => hosts.get(id) ?? [],
    alertsOf: (id: string) => alerts?.filter(({ incident }) => incident === id),
    silenced: (match: Readonly<Record<string, string>>) =>
      setText(said, `Silenced: ${matchText(match)}. It stands under Channels.`),
  };
  const list = new KeyedList(html('ul', { class: 'incidents' }), ({ id }) => id, incidentItem(context));
  const more = html('p', { class: 'none' });
  const loose = new KeyedList(html('ul', { class: 'loose panel' }), ({ alert }) => alert, looseItem(services));
  const looseHead = html('h2', { class: 'section-head' }, 'Pending and unknown');
  const looseMore = html('p', { class: 'none' });
  const element = html('div', { class: 'alerts' }, viewHead('Alerts', summary), ...refusalNote(services), banner.element, said);
  element.append(list.element, more, looseHead, loose.element, looseMore);

  const show = (): void => {
    const active = services.incidents.active;
    if (active === undefined) return;
    const byId = new Map(active.map((incident) => [incident.id, incident]));
    const wanted = [...active].sort(byUrgency).map(({ id }) => id);
    const order = steadyOrder(list.keys, wanted);
    const shown = order.slice(0, ALERT_LIMITS.pageAlertsShownMax).flatMap((id) => byId.get(id) ?? []);
    list.set(shown);
    list.element.hidden = shown.length === 0;
    setText(more, order.length > shown.length ? `and ${order.length - shown.length} more` : '');
    const badge = badgeOf(active);
    setText(summary, summaryText(badge.active, badge.open));
    banner.show(badge.undelivered);
  };
  const showLoose = (): void => {
    const found = looseAlerts(alerts ?? []);
    const order = steadyOrder(
      loose.keys,
      found.map(({ alert }) => alert),
    );
    const byId = new Map(found.map((one) => [one.alert, one]));
    const shown = order.slice(0, ALERT_LIMITS.pageAlertsShownMax).flatMap((id) => byId.get(id) ?? []);
    loose.set(shown);
    looseHead.hidden = found.length === 0;
    loose.element.hidden = found.length === 0;
    setText(looseMore, order.length > shown.length ? `and ${order.length - shown.length} more` : '');
  };
  const read = (): void => {
    if (reading || document.hidden) return;
    reading = true;
    services.alerts
      .alerts()
      .then((answer) => {
        if (stopped) return;
        alerts = answer;
        hosts = hostsByIncident(answer);
        showLoose();
        show();
      }, services.report)
      .finally(() => {
        reading = false;
      });
  };
  const stops = [
    services.incidents.onChange(show),
    services.every(ALERT_LIMITS.pageAlertPollMs, read),
    services.every(1_000, () => {
      if (document.hidden) return;
      list.refresh();
      loose.refresh();
    }),
  ];
  looseHead.hidden = true;
  loose.element.hidden = true;
  banner.show(0);
  services.incidents.refresh();
  read();
  show();
  return {
    title: 'Alerts',
    element,
    stop() {
      stopped = true;
      for (const stop of stops) stop();
      list.stop();
      loose.stop();
    },
  };
}
