/** What all shards hold, read page by page from other objects, as one reader. */
import { clientKey, partitionOf } from '../../model/partition.ts';
import type { MetricReader, RangeQuery } from '../../ports/metric-reader.ts';
import type { Page, Reply, ShardReader } from '../../ports/shard-service.ts';
import { CALL_VERSION } from '../../protocols/shard-reply.ts';
import { ask } from './remote.ts';

export interface RemoteReaderOptions {
  readonly partitions: number;
  shardOf(partition: number): ShardReader;
  /** Every shard. */
  shards(): readonly ShardReader[];
}

export function remoteMetricReader({ partitions, shardOf, shards }: RemoteReaderOptions): MetricReader {
  const version = CALL_VERSION;
  const holders = ({ tenant, client }: RangeQuery): readonly ShardReader[] =>
    client === undefined ? shards() : [shardOf(partitionOf(clientKey(tenant, client), partitions))];
  return {
    async clients(tenant) {
      const all = await Promise.all(shards().map((shard) => ask(shard.readClients({ version, tenant }))));
      return all.flat().sort((a, b) => (a.client < b.client ? -1 : 1));
    },
    async metrics(tenant) {
      const all = await Promise.all(shards().map((shard) => ask(shard.readMetrics({ version, tenant }))));
      return joinMetrics(all.flat());
    },
    windows: (query) =>
      inOrder(holders(query).map((shard) => pagesOf(query, (own) => shard.readWindows({ version, query: own })))),
    samples: (query) =>
      inOrder(holders(query).map((shard) => pagesOf(query, (own) => shard.readSamples({ version, query: own })))),
  };
}

/** The clients of one shard, sorted; a page is asked for when the one before is used up. */
async function* pagesOf<Q extends RangeQuery, T extends { readonly client: string }>(
  query: Q,
  read: (query: Q) => Promise<Reply<Page<T>>>,
): AsyncGenerator<T> {
  let { after } = query;
  for (;;) {
    const { items, more } = await ask(read({ ...query, after }));
    yield* items;
    const last = items.at(-1);
    if (!more || last === undefined) return;
    after = last.client;
  }
}

/** Merges sorted sequences of clients; no client stands in two. */
async function* inOrder<T extends { readonly client: string }>(sequences: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const heads = await Promise.all(sequences.map(async (sequence) => ({ sequence, head: await sequence.next() })));
  for (;;) {
    let least: (typeof heads)[number] | undefined;
    for (const one of heads) {
      if (one.head.done !== true && (least === undefined || one.head.value.client < least.head.value.client)) least = one;
    }
    if (least === undefined) return;
    yield least.head.value;
    least.head = await least.sequence.next();
  }
}

type Metric = Awaited<ReturnType<MetricReader['metrics']>>[number];

function joinMetrics(all: readonly Metric[]): Metric[] {
  const joined = [...Map.groupBy(all, ({ name }) => name).values()].map((same): Metric => {
    const series = new Map(same.flatMap((one) => one.series.map((each) => [each.key, each] as const)));
    return { ...(same[0] as Metric), clients: same.reduce((sum, one) => sum + one.clients, 0), series: [...series.values()] };
  });
  return joined.sort((a, b) => (a.name < b.name ? -1 : 1));
}
