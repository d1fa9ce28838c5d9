/** Flux queries through InfluxDB's own client, over the fetch that we are handed. */
import { createTextDecoderCombiner, InfluxDB, type ParameterizedQuery, type Transport } from '@influxdata/influxdb-client';
import { LIMITS } from '../../model/limits.ts';
import { ask, failureOf, type InfluxConnection } from './connection.ts';
import { type FluxReader, type FluxTable, fluxReader } from './flux-tables.ts';

export type RunFlux = (query: ParameterizedQuery, what: string) => Promise<readonly FluxTable[]>;

/** @returns runs a query that yields tables of `_value`, of `_time` where there is one, and of what tells them apart. */
export function fluxRunner(connection: InfluxConnection): RunFlux {
  return async (query, what) => {
    const reader = fluxReader();
    const transport = transportInto(reader, connection, what);
    await new InfluxDB({ url: connection.url, transport }).getQueryApi(connection.org).queryRaw(query);
    return reader.tables();
  };
}

/**
 * The client's own transports take the network from the host, one of them without a timeout; and cut into lines byte by byte,
 * which takes longer than all else. This one hands the answer on as it comes, and keeps none of it.
 */
function transportInto(reader: FluxReader, connection: InfluxConnection, what: string): Transport {
  const transport: Pick<Transport, 'request' | 'chunkCombiner'> = {
    chunkCombiner: createTextDecoderCombiner(),
    async request(path, body: string, { headers = {} }) {
      const decoder = new TextDecoder();
      const request = { method: 'POST', path, headers, body, timeoutMs: LIMITS.queryTimeoutMs } as const;
      const answer = await ask(connection, request, (chunk) => reader.read(decoder.decode(chunk, { stream: true })));
      if (answer.status !== 200) throw failureOf(answer, connection, what);
      return '';
    },
  };
  // A query whose answer is not cut into lines asks for no more than this.
  return transport as Transport;
}
