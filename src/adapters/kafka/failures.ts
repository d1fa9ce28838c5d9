/** What the client library's errors mean here. */
import { findErrorBy } from '@platformatic/kafka';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';

/** Whether an error, or one that it holds, is one of these. */
export function isKafkaError(error: unknown, property: 'code' | 'apiId', values: readonly string[]): boolean {
  return error instanceof Error && values.some((value) => findErrorBy(error, property, value) !== null);
}

/** Of metadata: the library has an error of its own for a topic that is not there. */
export function isMissingTopic(error: unknown): boolean {
  return (
    isKafkaError(error, 'code', ['PLT_KFK_USER']) ||
    isKafkaError(error, 'apiId', ['INVALID_TOPIC_EXCEPTION', 'UNKNOWN_TOPIC_OR_PARTITION'])
  );
}

interface ToldMetadata {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topics: readonly {
    readonly name: string;
    readonly isInternal: boolean;
    readonly partitions: readonly { readonly partitionIndex: number; readonly leaderId: number }[];
  }[];
}

/** To the library metadata is an error where one partition of any topic has no leader; all that was told stands in it nevertheless. */
export function metadataIn(error: unknown): ToldMetadata | undefined {
  const { response, errors = [] } = error as { readonly response?: ToldMetadata; readonly errors?: readonly unknown[] };
  if (response?.topics !== undefined) return response;
  return errors.map(metadataIn).find((told) => told !== undefined);
}

/** As our errors: a topic that is not there is the caller's mistake, all else is Kafka's state. */
export function kafkaFailure(error: unknown): MetricStreamError {
  if (error instanceof MetricStreamError) return error;
  if (isMissingTopic(error))
    return new MetricStreamError('invalid_request', 'There is no such topic or partition.', { cause: error });
  return new MetricStreamError('unavailable', 'Kafka cannot be reached, or does not answer.', {
    retryAfterMs: LIMITS.retryMs,
    cause: error,
  });
}
