/** Names of clients, from the index of InfluxDB: no row is read, but every series of the tenant is looked at, so a list serves for a while. */
import { flux, type ParameterizedQuery } from '@influxdata/influxdb-client';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { type BucketNames, MEASUREMENT, POINT_KINDS } from './names.ts';
import type { RunFlux } from './query.ts';
import { tagText, textOfTag } from './tag-text.ts';

interface ClientList {
  /** In code-unit order, each once. */
  readonly names: Promise<readonly string[]>;
  /** Infinity until it is there. */
  listedMs: number;
}

/** @returns as `clients` of the port. The first part is always listed anew, unless it is being listed; what follows it may be from a list of before. */
export function clientLister(run: RunFlux, buckets: BucketNames, clock: Clock) {
  const lists = new Map<string, ClientList>();
  const listed = (tenant: string): Promise<readonly string[]> => {
    const list: ClientList = { names: listAll(run, buckets, tenant), listedMs: Number.POSITIVE_INFINITY };
    lists.delete(tenant);
    for (const [oldest] of lists) if (lists.size >= LIMITS.influxClientListsMax) lists.delete(oldest);
    lists.set(tenant, list);
    list.names.then(
      () => {
        list.listedMs = clock.nowMs();
      },
      () => {
        if (lists.get(tenant) === list) lists.delete(tenant);
      },
    );
    return list.names;
  };
  return async (tenant: string, after: string, max: number): Promise<string[]> => {
    const held = lists.get(tenant);
    const isListing = held?.listedMs === Number.POSITIVE_INFINITY;
    const serves = held !== undefined && after !== '' && held.listedMs > clock.nowMs() - LIMITS.influxClientListMs;
    const names = await (held !== undefined && (isListing || serves) ? held.names : listed(tenant));
    const first = firstAfter(names, after);
    return names.slice(first, first + max);
  };
}

async function listAll(run: RunFlux, buckets: BucketNames, tenant: string): Promise<readonly string[]> {
  const one = (bucket: string): ParameterizedQuery =>
    flux`schema.tagValues(bucket: ${bucket}, tag: "host", start: ${new Date(0)}, predicate: (r) => r._measurement == ${MEASUREMENT} and r.tenant == ${tagText(tenant)})
  |> yield(name: ${bucket})`;
  const all = POINT_KINDS.map((kind) => one(buckets[kind])).reduce((some, next) => flux`${some}\n${next}`);
  const tables = await run(flux`import "influxdata/influxdb/schema"\n${all}`, `for the clients of ${tenant}`);
  return [...new Set(tables.flatMap(({ texts }) => texts.map(textOfTag)))].sort();
}

function firstAfter(names: readonly string[], after: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] as string) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
