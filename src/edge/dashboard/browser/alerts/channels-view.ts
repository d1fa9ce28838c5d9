/** Who is told, and when not: channels, routes, silences and maintenance windows. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import type { ChannelAnswer, RouteAnswer } from '../../alerts/answers.ts';
import { coverageOf, deadRoutes } from '../../alerts/coverage.ts';
import { html } from '../element.ts';
import type { Services, View } from '../services.ts';
import { channelSection, maintenanceSection, routeSection, silenceSection } from './channel-sections.ts';
import { refusalNote, severityMark, toneChip, viewHead } from './parts.ts';
import { polling } from './polling.ts';

/** What no route takes, and whom that reaches: undelivered is said where it will happen, before it does. */
function coverageList(channels: readonly ChannelAnswer[], routes: readonly RouteAnswer[]): readonly HTMLElement[] {
  const rows = coverageOf(channels, routes).map(({ severity, wanted, channels: reached }) => {
    const isNone = reached.length === 0;
    const where = isNone ? `no ${wanted} channel is on` : `to ${reached.join(', ')}`;
    return html(
      'li',
      { class: 'row coverage' },
      html(
        'div',
        { class: 'row-what' },
        severityMark(severity, true),
        html('b', {}, severity),
        html('span', { class: 'row-facts' }, where),
      ),
      isNone ? toneChip('undelivered', 'bad') : toneChip('told', 'good'),
    );
  });
  if (rows.length === 0) return [];
  return [
    html('h3', { class: 'coverage-head' }, 'What no route takes goes by its severity'),
    html('ul', { class: 'rows' }, ...rows),
  ];
}

export function channelsView(services: Services): View {
  let shownCoverage = '';
  let dead: ReadonlySet<string> = new Set();
  const changed = (): void => poll.now();
  const channels = channelSection(services, changed);
  const routes = routeSection(services, changed, (id) => dead.has(id));
  const silences = silenceSection(services, changed);
  const maintenance = maintenanceSection(services, changed);
  const summary = html('p', { class: 'view-facts' }, 'Who is told, and when not');
  const columns = html('div', { class: 'sections' }, channels.element, routes.element, silences.element, maintenance.element);
  const element = html('div', { class: 'channels' }, viewHead('Channels', summary), ...refusalNote(services), columns);

  const poll = polling(services, 2 * ALERT_LIMITS.pageAlertPollMs, async (ended) => {
    const { alerts } = services;
    const [allChannels, allRoutes, allSilences, allMaintenance] = await Promise.all([
      alerts.list('channels'),
      alerts.list('routes'),
      alerts.list('silences'),
      alerts.list('maintenance'),
    ]);
    if (ended()) return;
    const nowDead = deadRoutes(allChannels, allRoutes);
    // Whether a route is dead is not in its version: rows are made anew where that changes.
    if ([...nowDead].join() !== [...dead].join()) routes.show([]);
    dead = nowDead;
    channels.show(allChannels);
    routes.show(allRoutes);
    silences.show([...allSilences].sort((a, b) => b.ends_ms - a.ends_ms));
    maintenance.show(allMaintenance);
    const key = JSON.stringify([allChannels, allRoutes]);
    if (key !== shownCoverage) routes.foot.replaceChildren(...coverageList(allChannels, allRoutes));
    shownCoverage = key;
  });
  poll.now();
  return { title: 'Channels', element, stop: poll.stop };
}
