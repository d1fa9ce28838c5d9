/** The first screen: totals, and every host with what it does now. */
import { type Selection, type SortKey, selectHosts } from '../fleet.ts';
import { connectPanel } from './connect-panel.ts';
import { html, setText } from './element.ts';
import { FleetSource } from './fleet-source.ts';
import { fleetToolbar } from './fleet-toolbar.ts';
import { hostTable } from './host-table.ts';
import type { Services, View } from './services.ts';
import { totalsBar } from './totals-bar.ts';

/** Up to here the commands that add a host stay in sight, and there is nothing to search. */
const FEW_HOSTS = 3;
type Size = 'none' | 'few' | 'many';

function sizeOf(hosts: number): Size {
  if (hosts === 0) return 'none';
  return hosts <= FEW_HOSTS ? 'few' : 'many';
}

export function fleetView(services: Services): View {
  let selection: Selection = { search: '', freshness: undefined, sort: 'name', descending: false };
  const select = (change: Partial<Selection>): void => {
    selection = { ...selection, ...change };
    table.showOrder(selection.sort, selection.descending);
    arrange();
  };
  const sortBy = (sort: SortKey): void =>
    select({ sort, descending: sort === selection.sort ? !selection.descending : sort !== 'name' });
  const totals = totalsBar();
  const toolbar = fleetToolbar({ search: (search) => select({ search }), choose: (freshness) => select({ freshness }), sortBy });
  const table = hostTable(services.now, sortBy);
  const none = html('p', { class: 'none', role: 'status' });
  const foot = html('div');
  const title = html('h1', { class: 'unseen', tabindex: '-1' }, 'Hosts');
  const element = html('div', { class: 'fleet' }, title, totals.element, toolbar.element, table.element, none, foot);

  const arrange = (): void => {
    if (!source.loaded) return;
    const { hosts } = source.fleet;
    const chosen = selectHosts(hosts.values(), selection, services.now());
    setText(none, chosen.length === 0 && hosts.size > 0 ? 'No host matches.' : '');
    table.show(chosen, hosts);
  };
  const sumUp = (): void => {
    const sums = source.fleet.totals(services.now());
    totals.show(sums, source.samplesPerSecond);
    toolbar.showCounts(sums.hosts);
  };
  const onHosts = (): void => {
    const size = sizeOf(source.fleet.hosts.size);
    if (size !== element.dataset.size) {
      foot.replaceChildren(...(size === 'many' ? [] : [connectPanel(location.origin, size === 'none', services.after)]));
    }
    element.dataset.size = size;
    sumUp();
    arrange();
  };
  const source = new FleetSource(services, onHosts, table.refresh);
  const stopTicking = services.every(1_000, () => {
    source.poll();
    if (!source.loaded || document.hidden) return;
    sumUp();
    table.refresh();
  });
  source.poll();
  addEventListener('resize', arrange);
  table.showOrder(selection.sort, selection.descending);
  return {
    title: 'Hosts',
    element,
    stop() {
      source.stop();
      stopTicking();
      toolbar.stop();
      table.stop();
      removeEventListener('resize', arrange);
    },
  };
}
