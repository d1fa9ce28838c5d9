/** Alerting on a real Kafka and InfluxDB: judged by a consumer, told by way of a topic, kept by another server; each of them is killed. */
import { Admin } from '@platformatic/kafka';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serverVariables } from '../../scripts/services/server-variables.ts';
import type { Transition } from '../../src/model/alert.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { clientKey, partitionOf } from '../../src/model/partition.ts';
import { topicNames } from '../../src/model/topics.ts';
import { decodeTransitions } from '../../src/protocols/transition-record.ts';
import {
  ALERT_FLAGS,
  ask,
  done,
  eventsOf,
  incidentOf,
  incidentsOf,
  pagerdutyChannel,
  pushSamples,
  putRoute,
  QUEUE_RULES,
  transitionsOf,
  until,
} from '../system/alert-lab.ts';
import { hostNamed } from '../system/hosts.ts';
import { type HttpReceiver, httpReceiver } from '../system/notify-receivers.ts';
import { freshDataDir, type ServerProcess, startServer, untilCaughtUp } from '../system/server-process.ts';
import { kafkaConnection, kafkaLab } from './kafka-lab.ts';

const host = hostNamed('bun');
const consumerDir = freshDataDir();
const controlDir = freshDataDir();
const kafka = kafkaLab();
const started: ServerProcess[] = [];
let flags: readonly string[];
let topics: ReturnType<typeof topicNames>;
let pager: HttpReceiver;
let consumer: ServerProcess;
let control: ServerProcess;

async function start(dataDir: string, roles: string): Promise<ServerProcess> {
  const server = await startServer(host, dataDir, 0, [...flags, ...ALERT_FLAGS, '--roles', roles]);
  started.push(server);
  return server;
}

const startConsumer = () => start(consumerDir.path, 'edge,consumer');
const startControl = () => start(controlDir.path, 'control');

beforeAll(async () => {
  const { METRICSTREAM_PREFIX: prefix = '', ...given } = await serverVariables(host.command, consumerDir.path);
  topics = topicNames(prefix);
  flags = [
    ...['--prefix', prefix, '--kafka-brokers', given.METRICSTREAM_KAFKA_BROKERS ?? ''],
    ...['--kafka-group', given.METRICSTREAM_KAFKA_GROUP ?? '', '--influx-url', given.METRICSTREAM_INFLUX_URL ?? ''],
    ...['--influx-token', given.METRICSTREAM_INFLUX_TOKEN ?? '', '--influx-org', given.METRICSTREAM_INFLUX_ORG ?? ''],
  ];
  pager = await httpReceiver();
  [consumer, control] = await Promise.all([startConsumer(), startControl()]);
  await untilCaughtUp(consumer.keys);
  await done(control.keys, 'PUT', '/api/v1/channels/pager', pagerdutyChannel(pager.url));
  await putRoute(control.keys, ['pager']);
  await done(control.keys, 'PUT', '/api/v1/rules', QUEUE_RULES);
});

afterAll(async () => {
  for (const server of started) await server.kill('SIGKILL');
  await pager.close();
  const { brokers, clientId } = kafkaConnection();
  const admin = new Admin({ clientId, bootstrapBrokers: [...brokers] });
  await admin.deleteTopics({ topics: Object.values(topics) });
  await admin.close();
  await kafka.close();
  for (const dir of [consumerDir, controlDir]) dir.remove();
});

async function told(client: string): Promise<readonly Transition[]> {
  const records = await kafka.read(topics.transitions, partitionOf(clientKey('default', client), LIMITS.partitions));
  return records.flatMap(({ value }) => decodeTransitions(value)).filter((one) => one.client === client);
}

function pagesOf(client: string): readonly string[] {
  const events = eventsOf(pager);
  const keys = new Set(pager.posts.flatMap(({ body }, i) => (body.includes(client) ? events[i]?.dedup_key : [])));
  return events.filter((event) => keys.has(event.dedup_key)).map((event) => event.event_action);
}

/** From a sample at the edge to a page of the server that keeps incidents. */
async function cross(client: string): Promise<void> {
  await until(`a page of ${client}`, async () => {
    await pushSamples(consumer.keys, client, [{ name: 'queue_depth', value: 150, timestamp: Date.now() }]);
    return pagesOf(client).length > 0;
  });
}

function calm(client: string): Promise<void> {
  return pushSamples(consumer.keys, client, [{ name: 'queue_depth', value: 10, timestamp: Date.now() }]);
}

test('what a consumer judges comes by the topic to the server with the control role, which alone answers for incidents', async () => {
  await cross('web-1');
  await incidentOf(control.keys, 'web-1', 'open');
  expect((await ask(consumer.keys, 'GET', '/api/v1/incidents')).status).toBe(404);
  await calm('web-1');
  await incidentOf(control.keys, 'web-1', 'resolved');
  await until('word of the end', () => pagesOf('web-1').length > 1);
  expect(pagesOf('web-1')).toEqual(['trigger', 'resolve']);
  expect((await told('web-1')).map(({ from, to }) => `${from}>${to}`)).toEqual(['inactive>firing', 'firing>resolved']);
});

test('a consumer that is killed between a transition and its checkpoint tells it again: one incident, one page', async () => {
  const clients = ['kill-1', 'kill-2', 'kill-3'];
  for (const client of clients) {
    await cross(client);
    await consumer.kill('SIGKILL');
    consumer = await startConsumer();
    await untilCaughtUp(consumer.keys);
  }
  const counts = await Promise.all(clients.map(async (client) => (await told(client)).length));
  // Each kill came within a second of its transition, and a checkpoint each 15 seconds.
  expect(Math.max(...counts)).toBeGreaterThan(1);
  for (const client of clients) {
    expect(new Set((await told(client)).map(({ id }) => id)).size).toBe(1);
    expect(await transitionsOf(control.keys, client)).toHaveLength(1);
    await calm(client);
    await incidentOf(control.keys, client, 'resolved');
    await until('word of the end', () => pagesOf(client).length > 1);
    expect(pagesOf(client)).toEqual(['trigger', 'resolve']);
  }
});

test('a control that is killed goes on where it was: what was told meanwhile pages once, and what was open is still so', async () => {
  await cross('before-1');
  const before = await incidentOf(control.keys, 'before-1', 'open');
  await control.kill('SIGKILL');
  await pushSamples(consumer.keys, 'during-1', [{ name: 'queue_depth', value: 150, timestamp: Date.now() }]);
  await until('the transition in the topic', async () => (await told('during-1')).length > 0);
  control = await startControl();
  await incidentOf(control.keys, 'during-1', 'open');
  await until('its page', () => pagesOf('during-1').length > 0);
  expect((await incidentOf(control.keys, 'before-1', 'open')).id).toBe(before.id);
  // In order, too; and all of the topic is not taken again.
  expect(await control.kill('SIGTERM')).toBe(0);
  control = await startControl();
  await calm('during-1');
  await incidentOf(control.keys, 'during-1', 'resolved');
  await until('word of the end', () => pagesOf('during-1').length > 1);
  expect(pagesOf('during-1')).toEqual(['trigger', 'resolve']);
  expect(pagesOf('before-1')).toEqual(['trigger']);
  const hosts = (await incidentsOf(control.keys)).map(({ group_labels: labels }) => labels.host);
  expect(new Set(hosts).size).toBe(hosts.length);
});
