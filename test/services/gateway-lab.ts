/** A gateway in front of the real services, and the unmodified clients of Upstash that talk to it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka } from '@upstash/kafka';
import { Redis } from '@upstash/redis';
import { runGateway } from '../../src/runtimes/gateway.ts';
import { kafkaConnection } from './kafka-lab.ts';

export const SECRET = 'secret-of-the-tests-0123';

export function redisUrl(): string {
  const url = process.env.REDIS_URL;
  if (url === undefined) throw new Error('REDIS_URL is not set: run these tests by `npm run test:services`');
  return url;
}

/** @returns the path of a credentials file that lets `tests` do everything, and deletes it. */
export function credentialsFile(): { readonly path: string; delete(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'metricstream-gateway-'));
  const path = join(folder, 'credentials.json');
  const kafka = { operations: ['produce', 'consume', 'admin'], topics: ['*'] };
  writeFileSync(path, JSON.stringify({ credentials: [{ name: 'tests', secret: SECRET, kafka, redis: true }] }), { mode: 0o600 });
  return { path, delete: () => rmSync(folder, { recursive: true }) };
}

export interface RealGateway {
  readonly url: string;
  readonly kafka: Kafka;
  readonly redis: Redis;
  close(): Promise<void>;
}

export async function realGateway(): Promise<RealGateway> {
  const credentials = credentialsFile();
  const { url, stop } = await runGateway({
    port: 0,
    host: '127.0.0.1',
    tlsCert: undefined,
    tlsKey: undefined,
    insecure: false,
    credentials: credentials.path,
    kafkaBrokers: kafkaConnection().brokers,
    kafkaSasl: 'SCRAM-SHA-512',
    kafkaTls: false,
    redisUrl: redisUrl(),
    linger: 0,
  });
  await ready(url);
  return {
    url,
    kafka: new Kafka({ url, username: 'tests', password: SECRET }),
    redis: new Redis({ url, token: SECRET, enableTelemetry: false }),
    async close() {
      await stop();
      credentials.delete();
    },
  };
}

/** Until Kafka and Redis are reached. */
export async function ready(url: string): Promise<void> {
  while ((await fetch(`${url}/ready`)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
}
