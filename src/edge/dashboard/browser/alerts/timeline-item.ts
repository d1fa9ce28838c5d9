/** One line of a timeline. */
import { readingText } from '../../alerts/reading.ts';
import type { TimelineItem } from '../../alerts/timeline.ts';
import { clockTime, exactTime, offsetText } from '../../alerts/times.ts';
import { html } from '../element.ts';
import type { Item } from './keyed-list.ts';

/** What has happened does not change: a line is written once. */
export function timelineItem(unitOf: (metric: string) => string | undefined): (item: TimelineItem) => Item<TimelineItem> {
  return (item) => {
    const date = new Date(item.atMs);
    const time = html('time', { datetime: date.toISOString(), title: exactTime(date) }, clockTime(date));
    const offset = html('span', { class: 'line-offset', title: 'since it began' }, offsetText(item.sinceOnsetMs));
    const when = html('div', { class: 'line-when' }, time, offset);
    const title = html('p', { class: 'line-title' }, item.title);
    if (item.by !== '') title.append(html('span', { class: 'line-by' }, `by ${item.by}`));
    if (item.isEventTime)
      title.append(html('span', { class: 'line-clock', title: 'As the host measured it, not when it came here.' }, 'event time'));
    const values = Object.entries(item.values).map(([written, value]) =>
      html('span', { class: 'line-value' }, html('code', {}, written), ` ${readingText(written, value, unitOf)}`),
    );
    const texts = [item.text, ...item.explanations]
      .filter((text) => text !== '')
      .map((text) => html('p', { class: 'line-text' }, text));
    const body = html('div', { class: 'line-body' }, title, ...texts);
    if (values.length > 0) body.append(html('p', { class: 'line-values' }, ...values));
    const sign = html('span', { class: 'line-sign', 'data-sign': item.sign, 'aria-hidden': 'true' });
    const element = html('li', { class: 'line', 'data-tone': item.tone }, when, sign, body);
    return { element, show() {} };
  };
}
