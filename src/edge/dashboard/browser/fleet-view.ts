/** The first screen: totals, and every host with what it does now. */
import { LIMITS } from '../../../model/limits.ts';
import { type Host, type Selection, type SortKey, selectHosts } from '../fleet.ts';
import { connectPanel } from './connect-panel.ts';
import { html, setAttribute, setText } from './element.ts';
import { FleetSource } from './fleet-source.ts';
import { columnHeads, fleetToolbar } from './fleet-toolbar.ts';
import { type HostItem, hostItem } from './host-item.ts';
import type { Services, View } from './services.ts';
import { totalsBar } from './totals-bar.ts';
import { type GridLayout, VirtualGrid } from './virtual-grid.ts';

const ROW: GridLayout = { columns: 1, height: 60, gap: 0 };
const CARD = { height: 208, gap: 12, widthMin: 340, across: 3 };
/** Narrower than this, six columns do not fit. */
const ROWS_FROM_PX = 900;
/** Up to here the commands that add a host stay in sight. */
const FEW_HOSTS = 3;

function layoutFor(width: number, hosts: number, shown: number): GridLayout {
  if (width >= ROWS_FROM_PX && hosts > LIMITS.pageCardHostsMax) return ROW;
  const fitting = Math.floor((width + CARD.gap) / (CARD.widthMin + CARD.gap));
  return { columns: Math.max(1, Math.min(fitting, shown, CARD.across)), height: CARD.height, gap: CARD.gap };
}

/** The commands that add a host: large while there is none, below the list while there are few. */
function connectFoot(services: Services) {
  const element = html('div', {});
  return {
    element,
    show(hosts: number) {
      const shows = hosts === 0 ? 'first' : hosts <= FEW_HOSTS ? 'more' : 'nothing';
      if (element.dataset.shows === shows) return;
      element.dataset.shows = shows;
      element.replaceChildren(...(shows === 'nothing' ? [] : [connectPanel(location.origin, shows === 'first', services.after)]));
    },
  };
}

export function fleetView(services: Services): View {
  let selection: Selection = { search: '', freshness: undefined, sort: 'name', descending: false };
  const totals = totalsBar();
  const none = html('p', { class: 'none', role: 'status' });
  const foot = connectFoot(services);
  const grid = new VirtualGrid<Host, HostItem>({
    keyOf: (host) => host.id,
    create: hostItem,
    show: (item, host, index) => item.show(host, index, services.now()),
  });
  const select = (change: Partial<Selection>): void => {
    selection = { ...selection, ...change };
    heads.show(selection.sort, selection.descending);
    arrange();
  };
  const sortBy = (sort: SortKey): void =>
    select({ sort, descending: sort === selection.sort ? !selection.descending : sort !== 'name' });
  const heads = columnHeads(sortBy);
  const toolbar = fleetToolbar({ search: (search) => select({ search }), choose: (freshness) => select({ freshness }), sortBy });
  const table = html(
    'div',
    { class: 'hosts', role: 'table', 'aria-label': 'Hosts', 'aria-busy': 'true' },
    heads.element,
    grid.element,
  );
  const title = html('h1', { class: 'unseen', tabindex: '-1' }, 'Hosts');
  const element = html('div', { class: 'fleet' }, title, totals.element, toolbar.element, table, none, foot.element);

  const arrange = (): void => {
    const { hosts } = source.fleet;
    const chosen = selectHosts(hosts.values(), selection, services.now());
    const layout = layoutFor(table.clientWidth || innerWidth, hosts.size, chosen.length);
    table.className = layout === ROW ? 'hosts is-rows' : 'hosts is-cards';
    setAttribute(table, 'aria-rowcount', String(chosen.length + 1));
    setText(none, source.loaded && chosen.length === 0 && hosts.size > 0 ? 'No host matches.' : '');
    grid.setItems(chosen, layout);
  };
  const sumUp = (): void => {
    const sums = source.fleet.totals(services.now());
    totals.show(sums, source.samplesPerSecond);
    toolbar.showCounts(sums.hosts);
  };
  const onHosts = (): void => {
    setAttribute(table, 'aria-busy', 'false');
    element.dataset.empty = String(source.fleet.hosts.size === 0);
    sumUp();
    arrange();
    foot.show(source.fleet.hosts.size);
  };
  const source = new FleetSource(services, onHosts, grid.refresh);
  source.poll();
  const stopTicking = services.every(1_000, () => {
    source.poll();
    if (!source.loaded || document.hidden) return;
    sumUp();
    grid.refresh();
  });
  addEventListener('resize', arrange);
  heads.show(selection.sort, selection.descending);
  return {
    title: 'Hosts',
    element,
    stop() {
      source.stop();
      stopTicking();
      toolbar.stop();
      grid.stop();
      removeEventListener('resize', arrange);
    },
  };
}
