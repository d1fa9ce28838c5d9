/** How an operator says where Kafka is, and who we are to it. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { KafkaConnection, KafkaSasl } from '../adapters/kafka/connection.ts';
import { flag, listOf } from './flags.ts';

export interface KafkaFlags {
  readonly kafkaBrokers?: readonly string[];
  readonly kafkaUsername?: string;
  readonly kafkaPassword?: string;
  readonly kafkaSasl: KafkaSasl['mechanism'];
  readonly kafkaTls: boolean;
  readonly kafkaCa?: string;
}

const MECHANISMS: readonly KafkaSasl['mechanism'][] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'];

/** Adds the flags to a command. */
export function kafkaFlags(command: Command): Command {
  return command
    .addOption(
      flag('--kafka-brokers <list>', 'host:port,… of some brokers of Kafka; a server then keeps its log there').argParser(listOf),
    )
    .addOption(flag('--kafka-username <name>', 'who we are to Kafka; with --kafka-password'))
    .addOption(flag('--kafka-password <text>', 'better as METRICSTREAM_KAFKA_PASSWORD, where ps does not show it'))
    .addOption(flag('--kafka-sasl <mechanism>', 'how that is shown').choices(MECHANISMS).default('SCRAM-SHA-512'))
    .addOption(flag('--kafka-tls', 'reach Kafka over TLS').default(false))
    .addOption(flag('--kafka-ca <file>', 'certificate authorities of Kafka, PEM; implies --kafka-tls'));
}

/** @returns undefined where no broker is given. */
export function kafkaConnection(flags: KafkaFlags, clientId: string): KafkaConnection | undefined {
  const { kafkaBrokers: brokers, kafkaUsername: username, kafkaPassword: password, kafkaCa } = flags;
  if (brokers === undefined) return undefined;
  return {
    brokers,
    clientId,
    ...(username === undefined || password === undefined ? {} : { sasl: { mechanism: flags.kafkaSasl, username, password } }),
    ...(flags.kafkaTls || kafkaCa !== undefined
      ? { tls: kafkaCa === undefined ? {} : { ca: readFileSync(kafkaCa, 'utf8') } }
      : {}),
  };
}
