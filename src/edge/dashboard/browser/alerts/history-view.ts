/** What was: incidents of some days, by rule and host, how fast they were seen and ended, and all of it as a file. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import type { IncidentRow, ResponseTimeAnswer, TimelineEntry } from '../../alerts/answers.ts';
import {
  chosenIncidents,
  HISTORY_RANGES,
  type HistoryFilter,
  type HistoryRange,
  historyCsvPath,
  isFiltered,
} from '../../alerts/history.ts';
import { stretch } from '../../alerts/times.ts';
import { historyHash } from '../../routes.ts';
import { formatCount } from '../../units.ts';
import { html, setText } from '../element.ts';
import type { Services, View } from '../services.ts';
import { historyItem } from './history-item.ts';
import { KeyedList } from './keyed-list.ts';
import { viewHead } from './parts.ts';
import { polling } from './polling.ts';

function rangeLinks(filter: HistoryFilter): HTMLElement {
  const links = (Object.keys(HISTORY_RANGES) as HistoryRange[]).map((range) => {
    const link = html('a', { class: 'range', href: historyHash({ ...filter, range }) }, HISTORY_RANGES[range].label);
    if (range === filter.range) link.setAttribute('aria-current', 'true');
    return link;
  });
  return html('nav', { class: 'ranges', 'aria-label': 'Time range' }, ...links);
}

/** What is typed is in the address once it is sent, so that it can be sent on. */
function filterForm(filter: HistoryFilter, csv: HTMLElement): HTMLElement {
  const field = (name: 'rule' | 'host', label: string): HTMLInputElement => {
    const input = html('input', { type: 'search', class: 'search', placeholder: label, 'aria-label': label });
    input.value = filter[name];
    return input;
  };
  const rule = field('rule', 'Rule, such as HighCpu');
  const host = field('host', 'Host');
  const button = html('button', { class: 'button', type: 'submit' }, 'Filter');
  const form = html('form', { class: 'toolbar history-filter', role: 'search' }, rule, host, button, rangeLinks(filter), csv);
  const go = (): void => {
    location.hash = historyHash({ ...filter, rule: rule.value.trim(), host: host.value.trim() });
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    go();
  });
  // The cross of a search field.
  for (const input of [rule, host]) input.addEventListener('search', () => input.value === '' && go());
  return form;
}

function timesTable(by: 'rule' | 'host', filter: HistoryFilter) {
  const body = html('tbody', {});
  const head = ['', 'Incidents', 'MTTD', 'MTTR'].map((text) =>
    html('th', { scope: 'col' }, text || (by === 'rule' ? 'Rule' : 'Host')),
  );
  head[2]?.setAttribute('title', 'Mean time from onset in event time to the first page');
  head[3]?.setAttribute('title', 'Mean time from opening to resolution');
  const table = html('table', { class: 'table' }, html('thead', {}, html('tr', {}, ...head)), body);
  const none = html('p', { class: 'none' }, 'Nothing was resolved in this time.');
  return {
    element: html('div', { class: 'panel table-panel' }, table, none),
    show(times: readonly ResponseTimeAnswer[]) {
      none.hidden = times.length > 0;
      table.hidden = times.length === 0;
      const rows = [...times].sort((a, b) => b.incidents - a.incidents || (a.key < b.key ? -1 : 1));
      body.replaceChildren(
        ...rows.slice(0, ALERT_LIMITS.pageAlertsShownMax).map(({ key, incidents, mttd_ms, mttr_ms }) => {
          const link = html('a', { href: historyHash({ ...filter, [by]: key }) }, key);
          const cells = [formatCount(incidents), stretch(mttd_ms), stretch(mttr_ms)].map((text) => html('td', {}, text));
          return html('tr', {}, html('th', { scope: 'row' }, link), ...cells);
        }),
      );
    },
  };
}

export function historyView(services: Services, filter: HistoryFilter): View {
  const csv = html('a', { class: 'button', href: historyCsvPath(filter, services.now()), download: 'alert-history.csv' }, 'CSV');
  const summary = html('p', { class: 'view-facts', role: 'status' }, 'Reading…');
  const byRule = timesTable('rule', filter);
  const byHost = timesTable('host', filter);
  const times = html('div', { class: 'history-times' }, byRule.element, byHost.element);
  const list = new KeyedList<IncidentRow>(html('ul', { class: 'incidents is-history' }), ({ id }) => id, historyItem(services));
  const more = html('p', { class: 'none' });
  const element = html(
    'div',
    { class: 'history' },
    viewHead('History', summary),
    filterForm(filter, csv),
    html('h2', { class: 'section-head' }, 'How fast'),
    times,
    html('h2', { class: 'section-head' }, 'Incidents'),
    list.element,
    more,
  );
  // What is past changes slowly; what is open has its own view.
  const poll = polling(services, 6 * ALERT_LIMITS.pageAlertPollMs, async (ended) => {
    const startMs = Math.floor(services.now() - HISTORY_RANGES[filter.range].spanMs);
    const entries = (): Promise<readonly TimelineEntry[] | undefined> =>
      isFiltered(filter) ? services.alerts.history({ ...filter, startMs }) : Promise.resolve(undefined);
    const [incidents, named, rules, hosts] = await Promise.all([
      services.alerts.incidents({ startMs, limit: ALERT_LIMITS.incidentsShownMax }),
      entries(),
      services.alerts.responseTimes('rule', startMs),
      services.alerts.responseTimes('host', startMs),
    ]);
    if (ended()) return;
    const chosen = chosenIncidents(incidents, named);
    const shown = chosen.slice(0, ALERT_LIMITS.pageAlertsShownMax);
    list.set(shown);
    list.element.hidden = shown.length === 0;
    const { rule, host } = filter;
    const ofRule = ({ key }: ResponseTimeAnswer): boolean => rule === '' || key === rule || key.endsWith(`/${rule}`);
    byRule.show(rules.filter(ofRule));
    byHost.show(hosts.filter(({ key }) => host === '' || key === host));
    const where = [rule, host && `on ${host}`].filter((part) => part !== '').join(' ');
    const last = HISTORY_RANGES[filter.range].label;
    const count = `${chosen.length === incidents.length && incidents.length >= ALERT_LIMITS.incidentsShownMax ? 'the newest ' : ''}${formatCount(chosen.length)}`;
    setText(
      summary,
      `${count} ${chosen.length === 1 ? 'incident' : 'incidents'}${where === '' ? '' : ` of ${where}`} in the last ${last}`,
    );
    setText(more, chosen.length > shown.length ? `and ${chosen.length - shown.length} more: they are in the CSV` : '');
  });
  poll.now();
  return { title: 'History', element, stop: poll.stop };
}
