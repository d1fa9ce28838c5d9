/** Makes the topics that are missing, and changes nothing that is there. */
import { Admin } from '@platformatic/kafka';
import { MetricStreamError } from '../../model/errors.ts';
import { type TopicSpec, topicSpecs } from '../../model/topics.ts';
import { clientOptions, type KafkaConnection } from './connection.ts';
import { isKafkaError } from './failures.ts';

export interface KafkaPlan {
  readonly replicas: number;
  readonly create: readonly TopicSpec[];
  /** Topics that are there with another number of partitions than they would be made with: nothing here can mend that. */
  readonly wrong: readonly { readonly name: string; readonly partitions: number; readonly wanted: number }[];
}

/** @throws unavailable when Kafka cannot be reached */
export function kafkaSetup(connection: KafkaConnection, prefix: string, partitions: number) {
  const withAdmin = async <T>(body: (admin: Admin) => Promise<T>): Promise<T> => {
    const admin = new Admin({ ...clientOptions(connection) });
    try {
      return await body(admin);
    } catch (cause) {
      throw new MetricStreamError('unavailable', `Kafka at ${connection.brokers.join(', ')} cannot be set up: ${String(cause)}`, {
        cause,
      });
    } finally {
      await admin.close().catch(() => undefined);
    }
  };
  return {
    plan(): Promise<KafkaPlan> {
      return withAdmin(async (admin) => {
        const { brokers } = await admin.metadata({});
        const replicas = brokers.size >= 3 ? 3 : 1;
        const specs = topicSpecs(prefix, partitions, brokers.size);
        const there = new Set(await admin.listTopics());
        const held = specs.filter(({ name }) => there.has(name));
        const { topics } =
          held.length === 0 ? { topics: new Map() } : await admin.metadata({ topics: held.map(({ name }) => name) });
        const wrong = held.flatMap(({ name, partitions: wanted }) => {
          const count: number = topics.get(name)?.partitionsCount ?? wanted;
          return count === wanted ? [] : [{ name, partitions: count, wanted }];
        });
        return { replicas, create: specs.filter(({ name }) => !there.has(name)), wrong };
      });
    },
    apply({ create, replicas }: KafkaPlan): Promise<void> {
      return withAdmin(async (admin) => {
        for (const { name, partitions: count, configs } of create) {
          const list = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
          try {
            await admin.createTopics({ topics: [name], partitions: count, replicas, configs: list });
          } catch (error) {
            // Another may have made it meanwhile.
            if (!isKafkaError(error, 'apiId', ['TOPIC_ALREADY_EXISTS'])) throw error;
          }
        }
      });
    },
  };
}
