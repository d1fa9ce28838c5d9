/** The contract of the enrichment-registry on a compacted topic of a real Kafka, between two servers. */
import { expect, test } from 'vitest';
import { kafkaEnrichmentRegistry } from '../../src/adapters/kafka/enrichment-registry.ts';
import { kafkaPartitionLog } from '../../src/adapters/kafka/partition-log.ts';
import { kafkaTopicProducer } from '../../src/adapters/kafka/topic-producer.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { topicNames, topicSpecs } from '../../src/model/topics.ts';
import type { EnrichmentRegistry } from '../../src/ports/enrichment-registry.ts';
import { describeEnrichmentRegistry } from '../contract/suites/enrichment-registry.ts';
import { kafkaConnection, kafkaLab } from './kafka-lab.ts';

const clock = systemClock();
const SPEC = topicSpecs('', 12, 1).find(({ name }) => name === topicNames('').enrichments) ?? expect.fail('there is no topic');

/** Servers that share a new topic. */
async function sharing() {
  const lab = kafkaLab();
  const connection = kafkaConnection();
  const topic = await lab.createTopic(SPEC.partitions, SPEC.configs);
  const opened: { close(): Promise<void> }[] = [];
  return {
    async open(): Promise<EnrichmentRegistry> {
      const telemetry = memoryTelemetry({ nowMs: clock.nowMs });
      const log = kafkaPartitionLog({ connection, topic, clock, telemetry });
      const producer = kafkaTopicProducer({ connection, clock });
      opened.push(producer, log);
      return kafkaEnrichmentRegistry({ log, producer, topic, clock, telemetry });
    },
    async close() {
      for (const one of opened) await one.close();
      await lab.close();
    },
  };
}

describeEnrichmentRegistry('Kafka', async () => {
  const { open, close } = await sharing();
  const later = (): Promise<void> => new Promise((resolve) => void clock.schedule(LIMITS.kafkaFetchWaitMs, resolve));
  return { one: await open(), other: await open(), later, close };
});

test('a server that starts later knows the tables of all before it is there', async () => {
  const { open, close } = await sharing();
  const one = await open();
  await one.replace({ tenant: 'acme', version: 0, text: '{"web-1":{"tags":{"rack":"r7"}}}' });
  await one.replace({ tenant: 'beta', version: 0, text: '{"web-1":{"datacenter":"fra"}}' });
  const late = await open();
  expect(late.find('acme', 'web-1')?.tags).toEqual([['rack', 'r7']]);
  expect(late.find('beta', 'web-1')?.datacenter).toBe('fra');
  await close();
});
