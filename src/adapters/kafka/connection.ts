/** How Kafka is reached, for all that talk to it. */
import { LIMITS } from '../../model/limits.ts';

export interface KafkaConnection {
  /** `host:port` of some brokers; the others are learned from them. */
  readonly brokers: readonly string[];
  /** Names us in the brokers' logs and quotas. */
  readonly clientId: string;
  readonly sasl?: KafkaSasl | undefined;
  /** Left out: plain TCP. An empty object: TLS with the host's certificate authorities. */
  readonly tls?: KafkaTls | undefined;
}

export interface KafkaSasl {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly username: string;
  readonly password: string;
}

/** PEM texts. */
export interface KafkaTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What every client of the library is given. One whose requests wait at the broker by themselves waits longer. */
export function clientOptions(connection: KafkaConnection) {
  return {
    clientId: connection.clientId,
    bootstrapBrokers: [...connection.brokers],
    timeout: LIMITS.kafkaRequestTimeoutMs,
    metadataMaxAge: LIMITS.kafkaMetadataAgeMs,
    ...connectionOptions(connection),
  };
}

/** What every connection of the library is given. */
export function connectionOptions({ sasl, tls }: KafkaConnection) {
  return {
    connectTimeout: LIMITS.kafkaConnectTimeoutMs,
    // Left out, it would be 30 s, and with the retries two minutes until a caller is told.
    requestTimeout: LIMITS.kafkaRequestTimeoutMs,
    ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
  };
}
