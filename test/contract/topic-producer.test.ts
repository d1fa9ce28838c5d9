/** The contract of the topic-producer for the one in memory; that of Kafka runs in test/services. */
import { memoryTopicProducer } from '../../src/adapters/memory/topic-producer.ts';
import { topicProducerContract } from './suites/topic-producer.ts';

topicProducerContract('memory', async () => {
  const producer = memoryTopicProducer({ topics: { 'a-topic': 3 }, recordBytesMax: 20_000 });
  return { producer, topic: 'a-topic', read: async (partition) => producer.records('a-topic', partition) };
});
