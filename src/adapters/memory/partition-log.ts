/** Partitions of a topic in memory: what a memory topic-producer has taken, read by offset. */
import type { StoredRecord } from '../../ports/metric-log.ts';
import type { PartitionLog } from '../../ports/partition-log.ts';
import type { MemoryTopicProducer } from './topic-producer.ts';

export interface MemoryPartitionLogOptions {
  readonly producer: Pick<MemoryTopicProducer, 'records'>;
  readonly topic: string;
}

export interface MemoryPartitionLog extends PartitionLog {
  /** Tells readers that there is more: nobody polls here. */
  arrived(): void;
}

/** The append stamp of a record is its timestamp. */
export function memoryPartitionLog({ producer, topic }: MemoryPartitionLogOptions): MemoryPartitionLog {
  const listeners = new Set<() => void>();
  return {
    async open(partition, arrived) {
      listeners.add(arrived);
      const records = () => producer.records(topic, partition);
      return {
        end: () => records().length,
        read(fromOffset, bytesMax) {
          const found: StoredRecord[] = [];
          let bytes = 0;
          for (let offset = fromOffset; offset < records().length && bytes < bytesMax; offset++) {
            const record = records()[offset];
            if (record === undefined) continue;
            found.push({ partition, offset, appendMs: record.timestampMs ?? 0, bytes: record.value });
            bytes += record.value.length;
          }
          return Promise.resolve(found);
        },
        close: () => void listeners.delete(arrived),
      };
    },
    async close() {
      listeners.clear();
    },
    arrived() {
      for (const listener of [...listeners]) listener();
    },
  };
}
