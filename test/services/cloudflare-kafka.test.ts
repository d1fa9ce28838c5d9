/** Workers in the production profile: one corpus through the Worker, the gateway, a real Kafka and InfluxDB is answered as the embedded server answers it. */
import { Admin } from '@platformatic/kafka';
import { afterAll, expect, test } from 'vitest';
import { bundleWorker } from '../../scripts/bundle-worker.ts';
import { kafkaSetup } from '../../src/adapters/kafka/setup.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { topicNames } from '../../src/model/topics.ts';
import { readSecrets, writeKeys } from '../../src/runtimes/data-dir.ts';
import { type Answers, pushAll, readAll } from '../differential/answers.ts';
import { corpusOf, startOf } from '../differential/corpus.ts';
import { hostNamed } from '../system/hosts.ts';
import { freshDataDir, getJson, type Keys, type ServerProcess, startServer, untilCaughtUp } from '../system/server-process.ts';
import { realGateway, SECRET } from './gateway-lab.ts';
import { given, influxLab } from './influx-lab.ts';
import { kafkaConnection } from './kafka-lab.ts';

const SEED = 20_261_126;
const NAME = 'metricstream';
const nowMs = Date.now();
const corpus = corpusOf(SEED, nowMs);
const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

async function embedded(): Promise<Record<'pushes' | 'read', Answers>> {
  const dataDir = freshDataDir();
  const server = await startServer(hostNamed('bun'), dataDir.path, 0, []);
  await untilCaughtUp(server.keys);
  const pushes = await pushAll(server, corpus);
  const read = await readAll(server, startOf(nowMs));
  await server.kill('SIGKILL');
  dataDir.remove();
  return { pushes, read };
}

async function makeTopics(prefix: string): Promise<void> {
  const connection = kafkaConnection();
  const setup = kafkaSetup(connection, prefix, LIMITS.partitions);
  await setup.apply(await setup.plan());
  closing.push(async () => {
    const admin = new Admin({ clientId: connection.clientId, bootstrapBrokers: [...connection.brokers] });
    await admin.deleteTopics({ topics: Object.values(topicNames(prefix)) });
    await admin.close();
  });
}

/** What miniflare's types say in those of Workers, which are not loaded here. */
interface CronTarget {
  scheduled(options: { readonly cron: string }): Promise<unknown>;
}

/** Of all shards together. */
async function gaugeOf({ url, admin }: Keys, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${admin}` } })).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

/** The Worker with its objects in workerd, and what a new life of them finds. */
async function openWorker(variables: Readonly<Record<string, string>>) {
  const { Miniflare, convertV4MiniflareOptions } = await import('miniflare');
  const dataDir = freshDataDir();
  const secret = readSecrets(dataDir.path, {}).current;
  const modules = await bundleWorker('cloudflare-services');
  const object = (className: string) => ({ className, useSQLite: true });
  const start = async () => {
    const miniflare = new Miniflare(
      convertV4MiniflareOptions({
        name: NAME,
        compatibilityDate: '2026-10-23',
        modules: [...modules],
        durableObjects: { SHARD: object('ShardObject'), CONTROL: object('ControlObject'), ALERTS: object('AlertObject') },
        bindings: { SHARDS: '2', METRICSTREAM_SECRET: secret, ...variables },
        unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
        logRequests: false,
        cf: false as const,
        cacheAPI: false,
        resourcePersistencePath: dataDir.path,
      }),
    );
    const { port } = await miniflare.unsafeGetDirectURL();
    const url = `http://127.0.0.1:${port}`;
    const keys = (await writeKeys(dataDir.path, url, secret, Date.now(), async () => false)) as Keys;
    const cron = async (): Promise<void> => {
      const target = (await miniflare.getWorker(NAME)) as unknown as CronTarget;
      await target.scheduled({ cron: '* * * * *' });
    };
    return { server: { keys } as ServerProcess, keys, cron, stop: () => miniflare.dispose() };
  };
  return { start, remove: dataDir.remove };
}

async function untilRead(keys: Keys): Promise<void> {
  for (;;) {
    try {
      await getJson(keys, '/api/v1/clients');
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

function differences(a: Answers, b: Answers): string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]));
}

/** That a push is a repeat only its ledger says. */
function comparable(pushes: Answers): Answers {
  return Object.fromEntries(
    Object.entries(pushes).map(([name, answer]) => [name, { ...(answer as object), duplicate: undefined }]),
  );
}

test('a corpus is answered as by the embedded server, also by a new life of every object', { timeout: 600_000 }, async () => {
  const influx = await influxLab();
  closing.push(influx.close);
  await makeTopics(influx.bucketPrefix);
  const gateway = await realGateway();
  closing.push(gateway.close);
  const worker = await openWorker({
    KAFKA_REST_URL: gateway.url,
    KAFKA_REST_USERNAME: 'tests',
    KAFKA_REST_PASSWORD: SECRET,
    INFLUX_URL: given('INFLUX_URL'),
    INFLUX_TOKEN: given('INFLUX_TOKEN'),
    INFLUX_ORG: given('INFLUX_ORG'),
    UPSTASH_REDIS_REST_URL: gateway.url,
    UPSTASH_REDIS_REST_TOKEN: SECRET,
    METRICSTREAM_PREFIX: influx.bucketPrefix,
  });
  const expected = await embedded();
  const first = await worker.start();
  const pushes = await pushAll(first.server, corpus);
  expect(differences(comparable(expected.pushes), comparable(pushes))).toEqual([]);
  await untilRead(first.keys);
  const read = await readAll(first.server, startOf(nowMs));
  expect(differences(expected.read, read)).toEqual([]);
  await first.stop();
  const second = await worker.start();
  // Of shards that were just made control knows nothing, and nobody has asked for anything.
  await second.cron();
  expect(await gaugeOf(second.keys, 'metricstream_partitions_owned')).toBe(LIMITS.partitions);
  await untilRead(second.keys);
  expect(differences(expected.read, await readAll(second.server, startOf(nowMs)))).toEqual([]);
  await second.stop();
  worker.remove();
});
