/** The contract of the topic-producer for Kafka itself. */
import { afterEach } from 'vitest';
import { kafkaTopicProducer } from '../../src/adapters/kafka/topic-producer.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { topicProducerContract } from '../contract/suites/topic-producer.ts';
import { kafkaConnection, kafkaLab } from './kafka-lab.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

topicProducerContract('Kafka', async () => {
  const lab = kafkaLab();
  const producer = kafkaTopicProducer({ connection: kafkaConnection(), clock: systemClock() });
  closing.push(() => producer.close(), lab.close);
  const topic = await lab.createTopic(3, { 'max.message.bytes': '20000' });
  return { producer, topic, read: (partition) => lab.read(topic, partition) };
});
