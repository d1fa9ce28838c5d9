/** The contracts of the partitioned log and its checkpoints, in memory; and of the checkpoints in a topic, over such a log. */
import { kafkaCheckpointLog } from '../../src/adapters/kafka/checkpoint-log.ts';
import { memoryCheckpointLog } from '../../src/adapters/memory/checkpoint-log.ts';
import { memoryPartitionLog } from '../../src/adapters/memory/partition-log.ts';
import { memoryTopicProducer } from '../../src/adapters/memory/topic-producer.ts';
import { checkpointLogContract } from './suites/checkpoint-log.ts';
import { partitionLogContract } from './suites/partition-log.ts';

const TOPIC = 'topic';

partitionLogContract('memory', async () => {
  const producer = memoryTopicProducer({ topics: { [TOPIC]: 2 } });
  const log = memoryPartitionLog({ producer, topic: TOPIC });
  const telling = {
    close: producer.close,
    async send(record: Parameters<typeof producer.send>[0]) {
      const offset = await producer.send(record);
      log.arrived();
      return offset;
    },
  };
  return { log, producer: telling, topic: TOPIC, close: () => log.close() };
});

checkpointLogContract('memory', async () => {
  const log = memoryCheckpointLog();
  return { open: async () => log, close: async () => undefined };
});

checkpointLogContract('a topic', async () => {
  const producer = memoryTopicProducer({ topics: { [TOPIC]: 2 } });
  const log = memoryPartitionLog({ producer, topic: TOPIC });
  return { open: async () => kafkaCheckpointLog({ log, producer, topic: TOPIC }), close: () => log.close() };
});
