/** Faults of InfluxDB and of what it is given: gone, standing still, closed to the token, records and points that nobody can take. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Producer } from '@platformatic/kafka';
import { bucketNames, MEASUREMENT, VALUE } from '../../src/adapters/influxdb/names.ts';
import { kafkaTopicReader } from '../../src/adapters/kafka/topic-reader.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { ALL_ROLES, type Fault, type Scene } from './run.ts';

const ONE_SERVER = [ALL_ROLES];
const HOUR_MS = 3_600_000;
const TOLD_POLL_MS = 250;
const TOLD_TIMEOUT_MS = 60_000;
const LETTERS_TIMEOUT_MS = 2 * LIMITS.checkpointIntervalMs;
const GARBAGE = ['no record', '', 'x'.repeat(10_000)];
/** Hours before now: the load never comes there. */
const BAD_HOURS = 6;

/** Waits until /ready is 503. @returns what it says. */
async function untilUnready({ servers, wrong }: Scene): Promise<string> {
  const untilMs = performance.now() + TOLD_TIMEOUT_MS;
  while (performance.now() < untilMs) {
    const reason = await servers[0]?.unready();
    if (reason !== undefined) return reason;
    await sleep(TOLD_POLL_MS);
  }
  wrong('/ready did not tell of it');
  return '';
}

/** What lies in metrics-dead-letter: the reason of each letter. */
async function letters({ site, installation }: Scene): Promise<string[]> {
  const connection = { brokers: site.kafka.brokers.split(','), clientId: 'metricstream-faults' };
  const reader = kafkaTopicReader({ connection, clock: systemClock() });
  const topic = installation.topics.deadLetter;
  try {
    const count = (await reader.topics()).get(topic) ?? 0;
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
    const found: string[] = [];
    for (const place of await reader.offsets('earliest', partitions)) {
      for (const { headers } of await reader.fetch([place], TOLD_POLL_MS)) {
        const reason = headers.find(([name]) => name === 'reason')?.[1];
        found.push(new TextDecoder().decode(reason));
      }
    }
    return found;
  } finally {
    await reader.close();
  }
}

async function rawBucket({ site, installation }: Scene): Promise<string> {
  const name = bucketNames(installation.prefix).raw;
  const { buckets } = (await site.influx.api('GET', `buckets?name=${name}`)) as { readonly buckets: readonly { id: string }[] };
  return buckets[0]?.id ?? '';
}

/** InfluxDB keeps one type of a field per shard: a text in `value` makes it refuse every number of that hour. */
async function spoilHour(scene: Scene, hourMs: number): Promise<void> {
  const { site, installation } = scene;
  const retentionRules = [{ type: 'expire', everySeconds: 7 * 24 * 3_600, shardGroupDurationSeconds: 3_600 }];
  await site.influx.api('PATCH', `buckets/${await rawBucket(scene)}`, { retentionRules });
  const line = `${MEASUREMENT},host=spoiler,metric_name=oracle,tenant=nobody ${VALUE}="text" ${hourMs}`;
  const bucket = bucketNames(installation.prefix).raw;
  await site.influx.api('POST', `write?org=${site.influx.org}&bucket=${bucket}&precision=ms`, line);
}

function badHourMs(): number {
  return Math.floor(Date.now() / HOUR_MS) * HOUR_MS - BAD_HOURS * HOUR_MS;
}

async function pushBadSample({ installation, servers, load }: Scene): Promise<void> {
  const [tenant] = installation.tenants;
  if (tenant === undefined || servers[0] === undefined) return;
  const metrics = [{ name: 'oracle', value: 1, timestamp: badHourMs() + 1 }];
  // Of a client of its own: the others' windows are not touched.
  await load.push(tenant, 'boot-bad:0', JSON.stringify({ client_id: 'bad', metrics }), true);
}

/** The first samples of a client are written with the checkpoint that knows it: a letter may take so long. */
async function checkLetters(scene: Scene, expected: number, reason: RegExp): Promise<void> {
  const untilMs = performance.now() + LETTERS_TIMEOUT_MS;
  let found: string[] = [];
  do {
    await sleep(TOLD_POLL_MS);
    found = (await letters(scene)).filter((one) => reason.test(one));
  } while (found.length < expected && performance.now() < untilMs);
  scene.note(`${found.length} dead letters: ${found[0] ?? 'none'}`);
  if (found.length < expected) scene.wrong(`${found.length} dead letters, not ${expected}`);
}

export const STORE_FAULTS: readonly Fault[] = [
  {
    name: 'influxdb-sigkill',
    title: 'InfluxDB is killed, and down for a while',
    layout: ONE_SERVER,
    async inject(scene) {
      const { site, downMs, note } = scene;
      await site.influx.kill('SIGKILL');
      const reason = await untilUnready(scene);
      note(`down for ${downMs / 1_000} s; /ready: ${reason}`);
      await sleep(downMs);
      await site.influx.start();
    },
  },
  {
    name: 'influxdb-sigstop',
    title: 'InfluxDB stands still for 20 s (SIGSTOP)',
    layout: ONE_SERVER,
    async inject({ site }) {
      await site.influx.kill('SIGSTOP');
      await sleep(20_000);
      await site.influx.kill('SIGCONT');
    },
  },
  {
    name: 'influxdb-token',
    title: 'the token of InfluxDB is revoked, and valid again after 20 s',
    layout: ONE_SERVER,
    async inject(scene) {
      const { installation, note } = scene;
      await installation.setToken('inactive');
      note(`/ready: ${await untilUnready(scene)}`);
      await sleep(20_000);
      await installation.setToken('active');
    },
  },
  {
    name: 'influxdb-bad-line',
    title: 'InfluxDB refuses one point for good, among good ones of the same batch',
    layout: ONE_SERVER,
    prepare: (scene) => spoilHour(scene, badHourMs()),
    async inject(scene) {
      await pushBadSample(scene);
      await sleep(5_000);
    },
    check: (scene) => checkLetters(scene, 1, /conflict|dropped/),
  },
  {
    name: 'garbage',
    title: 'records that are none are produced to metrics-raw directly',
    layout: ONE_SERVER,
    async inject({ site, installation }) {
      const producer = new Producer({ clientId: 'metricstream-faults', bootstrapBrokers: site.kafka.brokers.split(',') });
      const topic = installation.topics.raw;
      for (let partition = 0; partition < LIMITS.partitions; partition++) {
        const messages = GARBAGE.map((text) => ({ topic, partition, value: Buffer.from(text) }));
        await producer.send({ messages });
      }
      await producer.close();
      await sleep(5_000);
    },
    async check(scene) {
      const passed = (await scene.servers[0]?.metric('metricstream_poison_records_total')) ?? 0;
      scene.note(`${passed} poison records counted`);
      await checkLetters(scene, GARBAGE.length * LIMITS.partitions, /./);
    },
  },
];
