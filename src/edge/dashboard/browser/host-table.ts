/** The list of hosts: rows under the names of their columns on a desk, cards on a phone or where there are few. */
import { LIMITS } from '../../../model/limits.ts';
import type { Host, SortKey } from '../fleet.ts';
import { html, setAttribute } from './element.ts';
import { columnHeads } from './fleet-toolbar.ts';
import { type HostItem, hostItem } from './host-item.ts';
import { type GridLayout, VirtualGrid } from './virtual-grid.ts';

const ROW: GridLayout = { columns: 1, height: 60, gap: 0 };
const CARD = { height: 208, gap: 12, widthMin: 340, across: 3 };
/** Narrower than this, six columns do not fit. */
const ROWS_FROM_PX = 900;

function layoutFor(width: number, hosts: number, shown: number): GridLayout {
  if (width >= ROWS_FROM_PX && hosts > LIMITS.pageCardHostsMax) return ROW;
  const fitting = Math.floor((width + CARD.gap) / (CARD.widthMin + CARD.gap));
  return { columns: Math.max(1, Math.min(fitting, shown, CARD.across)), height: CARD.height, gap: CARD.gap };
}

/** The first hour of a new fleet fills its sparklines; all of them show the same minutes. */
function sparkMinutes(hosts: Iterable<Host>, nowMs: number): number {
  let known: number = LIMITS.pageSparkMinutesMin;
  for (const { cpuHistory } of hosts) known = Math.max(known, cpuHistory.knownMinutes(nowMs));
  return known;
}

export interface HostTable {
  readonly element: HTMLElement;
  /** @param all of which the chosen ones are some. */
  show(chosen: readonly Host[], all: ReadonlyMap<string, Host>): void;
  showOrder(sort: SortKey, descending: boolean): void;
  /** Brings the values on the screen up to date. */
  readonly refresh: () => void;
  stop(): void;
}

export function hostTable(now: () => number, sortBy: (key: SortKey) => void): HostTable {
  const heads = columnHeads(sortBy);
  let minutes: number = LIMITS.pageSparkMinutes;
  const grid = new VirtualGrid<Host, HostItem>({
    keyOf: (host) => host.id,
    create: hostItem,
    show: (item, host, index) => item.show(host, index, now(), minutes),
  });
  const element = html('div', { class: 'hosts', role: 'table', 'aria-label': 'Hosts', 'aria-busy': 'true' });
  element.append(heads.element, grid.element);
  return {
    element,
    show(chosen, all) {
      const layout = layoutFor(element.clientWidth || innerWidth, all.size, chosen.length);
      minutes = layout === ROW ? LIMITS.pageSparkMinutes : sparkMinutes(all.values(), now());
      element.className = layout === ROW ? 'hosts is-rows' : 'hosts is-cards';
      setAttribute(element, 'aria-rowcount', String(chosen.length + 1));
      setAttribute(element, 'aria-busy', 'false');
      grid.setItems(chosen, layout);
    },
    showOrder: heads.show,
    refresh: grid.refresh,
    stop: () => grid.stop(),
  };
}
