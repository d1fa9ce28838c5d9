/** The ledger of one host on the page: did everything arrive, and what became of it. */
import type { ClientAnswer } from '../answers.ts';
import { completeness, type Fact } from '../completeness.ts';
import { formatCount } from '../units.ts';
import { html, setAttribute, setText } from './element.ts';

export interface LedgerPanel {
  readonly element: HTMLElement;
  show(client: ClientAnswer): void;
}

function factRow({ name, count, note, notable }: Fact): HTMLElement {
  return html(
    'div',
    { class: 'fact', 'data-notable': String(notable) },
    html('dt', {}, name),
    html('dd', { class: 'fact-count' }, formatCount(count)),
    html('dd', { class: 'fact-note' }, note),
  );
}

export function ledgerPanel(): LedgerPanel {
  const share = html('span', { class: 'ledger-share' });
  const headline = html('span', { class: 'ledger-headline' });
  const fill = html('span', { class: 'bar-fill' });
  const bar = html('span', { class: 'bar', 'aria-hidden': 'true' }, fill);
  const pushes = html('dl', { class: 'facts', 'aria-label': 'Pushes' });
  const samples = html('dl', { class: 'facts', 'aria-label': 'Samples' });
  const element = html(
    'details',
    { class: 'ledger' },
    html('summary', {}, share, bar, headline, html('span', { class: 'ledger-more' }, 'Details')),
    html(
      'div',
      { class: 'ledger-body' },
      html('section', {}, html('h3', {}, 'Pushes'), pushes),
      html('section', {}, html('h3', {}, 'Samples'), samples),
    ),
  );
  let shown: ClientAnswer | undefined;
  return {
    element,
    show(client) {
      if (client === shown) return;
      shown = client;
      const words = completeness(client);
      setText(share, words.shareText);
      setText(headline, words.headline);
      setAttribute(element, 'data-complete', words.share === undefined ? 'unknown' : String(words.complete));
      fill.style.width = `${((words.share ?? 0) * 100).toFixed(3)}%`;
      pushes.replaceChildren(...words.pushes.map(factRow));
      samples.replaceChildren(...words.samples.map(factRow));
    },
  };
}
