/** The figures above the list of hosts: how many there are, and whether everything they sent is here. */
import { reasonText } from '../completeness.ts';
import type { Totals } from '../fleet.ts';
import { FRESHNESS } from '../relative-time.ts';
import { formatCompact, formatCount, formatShare } from '../units.ts';
import { html, setAttribute, setText } from './element.ts';

export interface TotalsBar {
  readonly element: HTMLElement;
  /** @param perSecond samples stored per second since the last answer. */
  show(totals: Totals, perSecond: number | undefined): void;
}

function tile(name: string, explanation: string) {
  const value = html('dd', { class: 'tile-value' }, '–');
  const note = html('dd', { class: 'tile-note' }, ' ');
  const element = html('div', { class: 'tile', title: explanation }, html('dt', { class: 'tile-name' }, name), value, note);
  return {
    element,
    show(text: string, noteText: string, tone: 'plain' | 'good' | 'warn' = 'plain') {
      setText(value, text);
      setText(note, noteText);
      setAttribute(element, 'data-tone', tone);
    },
  };
}

export function totalsBar(): TotalsBar {
  const hosts = tile('Hosts', 'Stale: nothing for 30 s. Silent: nothing for 2 min.');
  const complete = tile('Pushes arrived', 'Agents number their pushes, so the server knows what should have come.');
  const stored = tile('Samples stored', 'Each one counted exactly once.');
  const repeats = tile('Repeated pushes', 'What came again, after a retry for example. It changes nothing.');
  const rejected = tile('Rejected samples', 'Samples that were refused, one by one; the others of their push were kept.');
  const element = html('dl', { class: 'tiles', 'aria-label': 'Totals' });
  element.append(hosts.element, complete.element, stored.element, repeats.element, rejected.element);
  return {
    element,
    show(totals, perSecond) {
      const states = FRESHNESS.filter((state) => totals.hosts[state] > 0).map((state) => `${totals.hosts[state]} ${state}`);
      const all = totals.hosts.live + totals.hosts.stale + totals.hosts.silent;
      hosts.show(formatCount(all), states.join(' · '), totals.hosts.silent > 0 ? 'warn' : 'plain');
      const missing = totals.expected - totals.arrived;
      const missed =
        missing === 0
          ? `all of ${formatCompact(totals.expected)}`
          : `${formatCount(missing)} of ${formatCompact(totals.expected)} missing`;
      if (totals.expected === 0) complete.show('–', 'nothing pushed yet');
      else complete.show(formatShare(totals.arrived, totals.expected), missed, missing === 0 ? 'good' : 'warn');
      stored.show(
        formatCompact(totals.stored),
        perSecond === undefined ? 'counted once each' : `${formatCompact(perSecond)} a second`,
      );
      const samples = totals.repeatedSamples;
      repeats.show(formatCompact(totals.repeatedPushes), samples === 0 ? 'none' : `${formatCompact(samples)} samples in them`);
      rejected.show(formatCompact(totals.rejected), totals.topReason === undefined ? 'none' : reasonText(totals.topReason));
    },
  };
}
