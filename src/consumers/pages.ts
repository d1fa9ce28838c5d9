/** What a shard answers to one call about many clients: whole clients, until the page is full. */
import { LIMITS } from '../model/limits.ts';
import type { ClientSamples, ClientWindows } from '../ports/metric-reader.ts';
import type { Page } from '../ports/shard-service.ts';
import { compactSamples, compactWindows } from './compact.ts';

export function windowsPage(items: AsyncIterable<ClientWindows>): Promise<Page<ClientWindows>> {
  return pageOf(items, compactWindows);
}

export function samplesPage(items: AsyncIterable<ClientSamples>): Promise<Page<ClientSamples>> {
  return pageOf(items, compactSamples);
}

async function pageOf<T>(
  items: AsyncIterable<T>,
  compact: (item: T) => { readonly item: T; readonly points: number },
): Promise<Page<T>> {
  const page: T[] = [];
  let points = 0;
  for await (const one of items) {
    const { item, points: more } = compact(one);
    page.push(item);
    points += more;
    if (points >= LIMITS.readPagePointsMax || page.length >= LIMITS.readPageClientsMax) return { items: page, more: true };
  }
  return { items: page, more: false };
}
