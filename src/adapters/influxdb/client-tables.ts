/** Answers for one client each, asked for several at once: to set a query up costs InfluxDB more than to read a day of a client. */
import { flux, type ParameterizedQuery } from '@influxdata/influxdb-client';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { FluxTable } from './flux-tables.ts';
import type { RunFlux } from './query.ts';
import { tagText } from './tag-text.ts';

/** @param isTheirs of a row `r`: whether it is of a client that is asked about. What the query yields keeps the column `host`. */
export type ClientQuery = (isTheirs: ParameterizedQuery) => ParameterizedQuery;

/**
 * @param where is told in an error: what is asked about, but for the client.
 * @param isAlone whether others are to be asked about apart, however they ask. @returns what the query yields of the client.
 */
export type ClientTables = (
  client: string,
  query: ClientQuery,
  where: string,
  isAlone?: boolean,
) => Promise<readonly FluxTable[]>;

interface Asked {
  readonly client: string;
  readonly tables: PromiseWithResolvers<readonly FluxTable[]>;
}

interface AskedAlike {
  readonly query: ClientQuery;
  readonly where: string;
  readonly all: Asked[];
}

/** Who begins to read of several clients does so in one go: what is then asked in the same words goes together. */
export function clientTables(run: RunFlux): ClientTables {
  let asked = new Map<string, AskedAlike>();
  const send = (): void => {
    const now = asked;
    asked = new Map();
    for (const { query, where, all } of now.values()) {
      while (all.length > 0) void answer(run, query, where, all.splice(0, LIMITS.influxClientsPerQueryMax));
    }
  };
  return (client, query, where, isAlone = false) => {
    const one = { client, tables: Promise.withResolvers<readonly FluxTable[]>() };
    if (isAlone) {
      void answer(run, query, where, [one]);
      return one.tables.promise;
    }
    if (asked.size === 0) void Promise.resolve().then(send);
    const words = `${where} ${query(flux`true`)}`;
    const alike = asked.get(words) ?? { query, where, all: [] };
    asked.set(words, alike);
    alike.all.push(one);
    return one.tables.promise;
  };
}

/** Never rejects: each is told what there is of its client, or what went wrong. */
async function answer(run: RunFlux, query: ClientQuery, where: string, asked: readonly Asked[]): Promise<void> {
  const [first] = asked;
  const clients = [...new Set(asked.map(({ client }) => client))];
  const isTheirs = clients.map((client) => flux`r.host == ${tagText(client)}`).reduce((some, next) => flux`${some} or ${next}`);
  const what = clients.length === 1 ? `of ${first?.client}` : `of ${first?.client} and ${clients.length - 1} more`;
  try {
    const tables = await run(query(isTheirs), `for what is kept ${what} ${where}`);
    const byHost = Map.groupBy(tables, ({ tags }) => tags.get('host') ?? '');
    for (const { client, tables: own } of asked) own.resolve(byHost.get(tagText(client)) ?? []);
  } catch (error) {
    // What is too much of several at once may be little enough of each.
    const isTooMuch = error instanceof MetricStreamError && error.code === 'too_many_points' && clients.length > 1;
    if (isTooMuch) for (const one of asked) void answer(run, query, where, [one]);
    else for (const { tables } of asked) tables.reject(error);
  }
}
