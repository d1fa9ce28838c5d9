/** Search, filter and order of the list of hosts. */
import { SORT_KEYS, type SortKey } from '../fleet.ts';
import { FRESHNESS, type Freshness } from '../relative-time.ts';
import { html, setAttribute, setText } from './element.ts';

const HEADINGS: Readonly<Record<SortKey, string>> = {
  name: 'Host',
  seen: 'Seen',
  cpu: 'CPU, last hour',
  memory: 'Memory, last hour',
  disk: 'Fullest disk',
  network: 'Network',
};

const CHIPS: Readonly<Record<Freshness | 'all', string>> = { all: 'All', live: 'Live', stale: 'Stale', silent: 'Silent' };

function freshnessChips(choose: (freshness: Freshness | undefined) => void) {
  const chips = [undefined, ...FRESHNESS].map((state) => {
    const count = html('span', { class: 'chip-count' }, '0');
    const button = html('button', { type: 'button', class: 'chip', 'aria-pressed': String(state === undefined) });
    if (state) {
      button.dataset.freshness = state;
      button.append(html('span', { class: 'dot', 'aria-hidden': 'true' }));
    }
    button.append(CHIPS[state ?? 'all'], count);
    button.addEventListener('click', () => {
      for (const chip of chips) setAttribute(chip.button, 'aria-pressed', String(chip.button === button));
      choose(state);
    });
    return { state, button, count };
  });
  return {
    element: html('div', { class: 'chips', role: 'group', 'aria-label': 'Show' }, ...chips.map(({ button }) => button)),
    show(counts: Readonly<Record<Freshness, number>>) {
      const all = counts.live + counts.stale + counts.silent;
      for (const { state, count } of chips) setText(count, String(state === undefined ? all : counts[state]));
    },
  };
}

/** The `/` key leads to the search field. */
export function fleetToolbar(actions: {
  readonly search: (text: string) => void;
  readonly choose: (freshness: Freshness | undefined) => void;
  readonly sortBy: (key: SortKey) => void;
}) {
  const search = html('input', {
    type: 'search',
    class: 'search',
    placeholder: 'Search hosts',
    'aria-label': 'Search hosts',
    'aria-keyshortcuts': '/',
  });
  search.addEventListener('input', () => actions.search(search.value));
  const chips = freshnessChips(actions.choose);
  const sort = html('select', { class: 'sort', 'aria-label': 'Sort by' });
  for (const key of SORT_KEYS)
    sort.append(html('option', { value: key }, `Sort: ${HEADINGS[key].replace(', last hour', '').toLowerCase()}`));
  sort.addEventListener('change', () => actions.sortBy(SORT_KEYS[sort.selectedIndex] ?? 'name'));
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== '/' || event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
  };
  addEventListener('keydown', onKey);
  return {
    element: html('div', { class: 'toolbar' }, search, chips.element, sort),
    showCounts: chips.show,
    stop: (): void => removeEventListener('keydown', onKey),
  };
}

/** The names of the columns, each a button that sorts by it. */
export function columnHeads(sortBy: (key: SortKey) => void) {
  const heads = SORT_KEYS.map((key) => {
    const button = html('button', { type: 'button' }, HEADINGS[key]);
    button.addEventListener('click', () => sortBy(key));
    return { key, cell: html('div', { role: 'columnheader', class: `head-${key}` }, button) };
  });
  return {
    element: html('div', { class: 'heads', role: 'row', 'aria-rowindex': '1' }, ...heads.map(({ cell }) => cell)),
    show(sort: SortKey, descending: boolean) {
      for (const { key, cell } of heads)
        setAttribute(cell, 'aria-sort', key !== sort ? 'none' : descending ? 'descending' : 'ascending');
    },
  };
}
