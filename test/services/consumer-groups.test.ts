/** The contract of consumer groups for Kafka itself. */
import { afterEach } from 'vitest';
import { kafkaConsumerGroups } from '../../src/adapters/kafka/consumer-groups.ts';
import { kafkaTopicProducer } from '../../src/adapters/kafka/topic-producer.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { consumerGroupsContract } from '../contract/suites/consumer-groups.ts';
import { kafkaConnection, kafkaLab } from './kafka-lab.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

consumerGroupsContract('Kafka', async () => {
  const lab = kafkaLab();
  const options = { connection: kafkaConnection(), clock: systemClock() };
  const producer = kafkaTopicProducer(options);
  const groups = kafkaConsumerGroups(options);
  closing.push(
    () => producer.close(),
    () => groups.close(),
    lab.close,
  );
  return { groups, producer, topic: await lab.createTopic(3) };
});
