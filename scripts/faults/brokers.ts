/** Faults of Kafka: brokers that die, stand still or are restarted, one, two or all of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaNode } from '../services/kafka-cluster.ts';
import { ALL_ROLES, type Fault } from './run.ts';
import { controllerOf, leaderOf } from './site.ts';

const ONE_SERVER = [ALL_ROLES];
/** What was confirmed before may be answered so much later. */
const ANSWERING_MS = 1_000;

async function standStill(node: KafkaNode): Promise<void> {
  await node.kill('SIGSTOP');
  await sleep(30_000);
  await node.kill('SIGCONT');
}

export const BROKER_FAULTS: readonly Fault[] = [
  {
    name: 'leader-sigkill',
    title: 'the broker that leads partition 0 is killed, and restarted after 12 s',
    layout: ONE_SERVER,
    async inject({ site, installation }) {
      const node = await leaderOf(site, installation.topics.raw, 0);
      await node.kill('SIGKILL');
      await sleep(12_000);
      await node.start();
    },
  },
  {
    name: 'leader-sigstop',
    title: 'the broker that leads partition 0 stands still for 30 s (SIGSTOP)',
    layout: ONE_SERVER,
    async inject({ site, installation }) {
      await standStill(await leaderOf(site, installation.topics.raw, 0));
    },
  },
  {
    name: 'controller-sigstop',
    title: 'the broker that is the active controller, and leads a third of the partitions, stands still for 30 s (SIGSTOP)',
    layout: ONE_SERVER,
    async inject({ site }) {
      await standStill(await controllerOf(site));
    },
  },
  {
    name: 'two-brokers-down',
    title: 'two of three brokers are killed, and restarted after 20 s',
    layout: ONE_SERVER,
    async inject({ site, load, note, wrong }) {
      const victims = site.kafka.nodes.slice(0, 2);
      await Promise.all(victims.map((node) => node.kill('SIGKILL')));
      const fromMs = performance.now() + ANSWERING_MS;
      await sleep(20_000);
      const acknowledged = load.acknowledgedBetween(fromMs, performance.now());
      note(`${acknowledged} acknowledged meanwhile`);
      if (acknowledged > 0) wrong(`${acknowledged} pushes were acknowledged with one copy`);
      await Promise.all(victims.map((node) => node.start()));
    },
  },
  {
    name: 'all-brokers-sigkill',
    title: 'all three brokers are killed at once, and restarted after 5 s',
    layout: ONE_SERVER,
    async inject({ site }) {
      await Promise.all(site.kafka.nodes.map((node) => node.kill('SIGKILL')));
      await sleep(5_000);
      await Promise.all(site.kafka.nodes.map((node) => node.start()));
    },
  },
  {
    name: 'rolling-restart',
    title: 'each broker in turn is ended by SIGTERM and started again',
    layout: ONE_SERVER,
    async inject({ site }) {
      for (const node of site.kafka.nodes) {
        await node.kill('SIGTERM');
        await node.start();
        await sleep(5_000);
      }
    },
  },
];
