/** Faults of consumers: killed between read and checkpoint, stopped until others own their partitions, joining, leaving, and too late. */
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaCheckpointLog } from '../../src/adapters/kafka/checkpoint-log.ts';
import { kafkaPartitionLog } from '../../src/adapters/kafka/partition-log.ts';
import { kafkaTopicProducer } from '../../src/adapters/kafka/topic-producer.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { decodeRecord, type ShapeInterner, shapeInterner } from '../../src/protocols/log-record.ts';
import type { Role } from '../../src/runtimes/config.ts';
import { sampleAt } from '../../test/system/oracle.ts';
import type { Server } from './installation.ts';
import { type Fault, type Scene, untilSettled } from './run.ts';
import { withAdmin } from './site.ts';

const EDGE: readonly Role[] = ['edge'];
const CONSUMER: readonly Role[] = ['consumer'];
const KILLS = 8;
const KILLS_QUICK = 4;
const SETTLE_MS = 60_000;
/** One and a half times what the group waits for a silent member. */
const ASLEEP_MS = 1.5 * LIMITS.sessionTimeoutMs;
const BETWEEN_MS = 10_000;
/** How long records collect while no consumer runs. */
const UNREAD_MS = 8_000;

function serverAt({ servers }: Scene, place: number): Server {
  const server = servers[place];
  if (server === undefined) throw new Error(`There is no server ${place}.`);
  return server;
}

export const CONSUMER_FAULTS: readonly Fault[] = [
  {
    name: 'consumer-sigkill',
    title: 'the only consumer is killed again and again, between read and checkpoint',
    layout: [EDGE, CONSUMER],
    async inject(scene) {
      const consumer = serverAt(scene, 1);
      const kills = scene.isQuick ? KILLS_QUICK : KILLS;
      for (let kill = 0; kill < kills; kill++) {
        await consumer.kill('SIGKILL');
        await consumer.start();
        if (kill % 2 === 0) await untilSettled([consumer], SETTLE_MS);
        await sleep(Math.random() * 3_000);
      }
      scene.note(`${kills} kills`);
    },
  },
  {
    name: 'server-sigkill',
    title: 'edge and consumer in one process are killed again and again',
    layout: [['edge', 'consumer']],
    async inject(scene) {
      const server = serverAt(scene, 0);
      const kills = scene.isQuick ? KILLS_QUICK : KILLS;
      for (let kill = 0; kill < kills; kill++) {
        await server.kill('SIGKILL');
        await server.start();
        await sleep(1_000 + Math.random() * 3_000);
      }
      scene.note(`${kills} kills`);
    },
  },
  {
    name: 'consumer-zombie',
    title: `one of two consumers stands still for ${ASLEEP_MS / 1_000} s, and wakes when the other owns its partitions`,
    layout: [EDGE, CONSUMER, CONSUMER],
    async inject(scene) {
      const zombie = serverAt(scene, 1);
      const other = serverAt(scene, 2);
      await zombie.kill('SIGSTOP');
      await sleep(ASLEEP_MS);
      const owned = await other.metric('metricstream_partitions_owned');
      if (owned !== LIMITS.partitions) scene.wrong(`the other consumer owned ${owned} partitions when the first woke`);
      await zombie.kill('SIGCONT');
      await sleep(scene.isQuick ? BETWEEN_MS / 2 : BETWEEN_MS);
    },
  },
  {
    name: 'rebalance',
    title: 'a third consumer joins two, then one leaves by SIGTERM and one is killed',
    layout: [EDGE, CONSUMER, CONSUMER],
    async inject(scene) {
      const third = await scene.installation.server('third', CONSUMER);
      const [, first, second] = scene.servers;
      await third.start();
      const all = [...scene.servers, third];
      if ((await untilSettled(all, SETTLE_MS)) === undefined) scene.wrong('three consumers did not share the partitions');
      await sleep(BETWEEN_MS / 2);
      await first?.kill('SIGTERM');
      if ((await untilSettled(all, SETTLE_MS)) === undefined) scene.wrong('two consumers did not share the partitions');
      await sleep(BETWEEN_MS / 2);
      await third.kill('SIGKILL');
      await untilSettled(second === undefined ? [] : [second], SETTLE_MS);
    },
  },
  {
    name: 'offsets-gone',
    title: 'records that no consumer has read are deleted from the log while the consumer is down',
    layout: [EDGE, CONSUMER],
    async inject(scene) {
      const consumer = serverAt(scene, 1);
      await consumer.kill('SIGKILL');
      await sleep(UNREAD_MS);
      const gone = await deleteUnread(scene);
      await consumer.start();
      await untilSettled([consumer], SETTLE_MS);
      const counted = await consumer.metric('metricstream_log_records_lost_total');
      scene.note(`${gone} records deleted, ${counted} counted as lost, ${scene.ledger.excusedCount} samples of them excused`);
      if (counted !== gone) scene.wrong(`${counted} records were counted as lost, ${gone} were`);
      if (!consumer.output().includes('records are gone that were not consumed')) scene.wrong('the log does not tell of it');
    },
  },
];

/** Deletes what the checkpoints do not cover, but for the last few records. @returns how many records that were. */
async function deleteUnread(scene: Scene): Promise<number> {
  const { site, installation } = scene;
  const connection = { brokers: site.kafka.brokers.split(','), clientId: 'metricstream-faults' };
  const clock = systemClock();
  const common = { connection, clock, telemetry: memoryTelemetry({ nowMs: clock.nowMs }) };
  const saved = kafkaPartitionLog({ ...common, topic: installation.topics.checkpoints });
  const log = kafkaPartitionLog({ ...common, topic: installation.topics.raw });
  const producer = kafkaTopicProducer({ connection, clock });
  const checkpoints = kafkaCheckpointLog({ log: saved, producer, topic: installation.topics.checkpoints });
  const ends: { partition: number; offset: bigint }[] = [];
  const shapes = shapeInterner();
  let gone = 0;
  try {
    for (let partition = 0; partition < LIMITS.partitions; partition++) {
      const from = (await checkpoints.load(partition))?.checkpoint.safeOffset ?? 0;
      const reader = await log.open(partition, () => undefined);
      const keepFrom = reader.end() - Math.min(10, Math.floor((reader.end() - from) / 2));
      for (let at = from; at < keepFrom; ) {
        const records = (await reader.read(at, LIMITS.readBatchBytesMax)).filter(({ offset }) => offset < keepFrom);
        for (const { bytes } of records) excuse(scene, bytes, shapes);
        at = records.length === 0 ? keepFrom : (records.at(-1)?.offset ?? at) + 1;
      }
      reader.close();
      gone += Math.max(0, keepFrom - from);
      ends.push({ partition, offset: BigInt(keepFrom) });
    }
    await withAdmin(site.kafka.brokers, async (admin) => {
      await admin.deleteRecords({ topics: [{ name: installation.topics.raw, partitions: ends }] });
    });
    return gone;
  } finally {
    await Promise.all([saved.close(), log.close(), producer.close()]);
  }
}

/** The samples of a record may count or not from now on. */
function excuse({ ledger }: Scene, bytes: Uint8Array, shapes: ShapeInterner): void {
  const entry = decodeRecord(bytes, shapes);
  if (entry.type !== 'push') return;
  const { tenant, client, values, timesMs } = entry.push;
  for (let i = 0; i < values.length; i++) ledger.excused(tenant, sampleAt(client, timesMs[i] ?? timesMs[0] ?? 0));
}
