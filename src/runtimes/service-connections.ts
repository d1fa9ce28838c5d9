/** How a server reaches the services of the production profile, as its flags say. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { InfluxConnection } from '../adapters/influxdb/connection.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { ServerConfig } from './config.ts';
import type { KafkaFlags } from './kafka-flags.ts';

export type ServiceConfig = KafkaFlags &
  Pick<ServerConfig, 'influxUrl' | 'influxToken' | 'influxOrg' | 'prefix' | 'rawRetention' | 'minuteRetention' | 'hourRetention'>;

export function influxOf(config: Pick<ServiceConfig, 'influxUrl' | 'influxToken' | 'influxOrg' | 'prefix'>): InfluxConnection & {
  readonly bucketPrefix: string;
} {
  return {
    url: config.influxUrl ?? '',
    token: config.influxToken ?? '',
    org: config.influxOrg,
    bucketPrefix: config.prefix,
    fetch: (url, init) => fetch(url, init),
    clock: systemClock(),
  };
}

const gzipped = promisify(gzip);

/** The fastest level: what goes over loopback or a data centre's network is large and lives briefly. */
export async function gzipBody(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await gzipped(bytes, { level: 1 }));
}
