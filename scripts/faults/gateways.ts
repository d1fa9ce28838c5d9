/** Faults of the gateway: killed between produce and answer, while the unmodified client of Upstash sends through it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Kafka } from '@upstash/kafka';
import { kafkaTopicReader } from '../../src/adapters/kafka/topic-reader.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { freePorts, LOOPBACK } from '../services/ports.ts';
import { ALL_ROLES, type Fault, type Scene } from './run.ts';
import { withAdmin } from './site.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUN = join(ROOT, 'node_modules', '.bin', 'bun');
const SECRET = 'secret-of-the-faults-0123';
const PARTITIONS = 3;
const CALLERS = 10;
const KILLS = 10;
const KILLS_QUICK = 5;
const BETWEEN_MS = 2_000;
const READ_MS = 500;

interface Gateway {
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

async function gatewayOf({ site }: Scene): Promise<Gateway> {
  const [port = 0] = await freePorts(1);
  const credentials = join(site.dir, 'gateway-credentials.json');
  const kafka = { operations: ['produce'], topics: ['*'] };
  writeFileSync(credentials, JSON.stringify({ credentials: [{ name: 'faults', secret: SECRET, kafka }] }), { mode: 0o600 });
  const flags = ['--port', String(port), '--kafka-brokers', site.kafka.brokers, '--credentials', credentials];
  const url = `http://${LOOPBACK}:${port}`;
  let child: ChildProcess | undefined;
  process.once('exit', () => child?.kill('SIGKILL'));
  return {
    url,
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    async start() {
      child = spawn(BUN, ['src/runtimes/cli.ts', 'gateway', ...flags], { cwd: ROOT, stdio: 'ignore' });
      const isReady = async (): Promise<boolean> => (await fetch(`${url}/ready`).catch(() => undefined))?.status === 200;
      while (!(await isReady())) {
        if (child.exitCode !== null) throw new Error(`The gateway ended with ${child.exitCode}.`);
        await sleep(100);
      }
    },
  };
}

/** How often each message is in a topic. */
async function countsIn({ site }: Scene, topic: string): Promise<Map<string, number>> {
  const connection = { brokers: site.kafka.brokers.split(','), clientId: 'metricstream-faults' };
  const reader = kafkaTopicReader({ connection, clock: systemClock() });
  const counts = new Map<string, number>();
  try {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
    const ends = await reader.offsets('latest', partitions);
    for (const { partition, offset: end } of ends) {
      for (let offset = 0; offset < end; ) {
        const messages = await reader.fetch([{ topic, partition, offset }], READ_MS);
        for (const { value } of messages) {
          const text = new TextDecoder().decode(value);
          counts.set(text, (counts.get(text) ?? 0) + 1);
        }
        offset = (messages.at(-1)?.offset ?? end) + 1;
      }
    }
    return counts;
  } finally {
    await reader.close();
  }
}

/** Sends one message after the other with the client's own retries. @returns what was confirmed. */
async function produceUntil(url: string, topic: string, caller: number, isOver: () => boolean): Promise<string[]> {
  const producer = new Kafka({ url, username: 'faults', password: SECRET }).producer();
  const confirmed: string[] = [];
  for (let i = 0; !isOver(); i++) {
    const message = `${caller}-${i}`;
    await producer.produce(topic, message, { key: String(caller) }).then(
      () => void confirmed.push(message),
      () => undefined,
    );
  }
  return confirmed;
}

export const GATEWAY_FAULTS: readonly Fault[] = [
  {
    name: 'gateway-sigkill',
    title: 'a gateway is killed again and again between produce and answer, while @upstash/kafka sends through it',
    layout: [ALL_ROLES],
    async inject(scene) {
      const { site, installation, isQuick, note, wrong } = scene;
      const topic = `${installation.prefix}through-gateway`;
      await withAdmin(site.kafka.brokers, (admin) =>
        admin.createTopics({ topics: [topic], partitions: PARTITIONS, replicas: 3 }),
      );
      const gateway = await gatewayOf(scene);
      await gateway.start();
      let isOver = false;
      const sending = Array.from({ length: CALLERS }, (_, caller) => produceUntil(gateway.url, topic, caller, () => isOver));
      const kills = isQuick ? KILLS_QUICK : KILLS;
      for (let kill = 0; kill < kills; kill++) {
        await sleep(BETWEEN_MS);
        await gateway.kill();
        await gateway.start();
      }
      await sleep(BETWEEN_MS);
      isOver = true;
      const confirmed = (await Promise.all(sending)).flat();
      const counts = await countsIn(scene, topic);
      await gateway.kill();
      const lost = confirmed.filter((message) => !counts.has(message));
      const repeated = [...counts.values()].filter((count) => count > 1).length;
      note(`${kills} kills; of ${confirmed.length} confirmed messages ${lost.length} lost, ${repeated} are there twice`);
      if (lost.length > 0) wrong(`confirmed messages lost: ${lost.slice(0, 3).join(', ')}`);
    },
  },
];
