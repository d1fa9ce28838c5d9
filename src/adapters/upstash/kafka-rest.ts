/** Upstash's client of Kafka over REST, unmodified: it tries everything six times over 15 s and cannot be stopped, so each call has a deadline here. */
import { Kafka, UpstashError } from '@upstash/kafka';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { within } from '../kafka/within.ts';

export interface KafkaRestConnection {
  readonly url: string;
  readonly username: string;
  /** It goes into a header and into no text. */
  readonly password: string;
  readonly clock: Clock;
}

export interface KafkaRest {
  readonly kafka: Kafka;
  /**
   * Waits for a call no longer than the deadline; what it does afterwards nobody hears of.
   * @throws unavailable, whatever went wrong: `wasRefused` tells more of its cause.
   */
  within<T>(work: Promise<T>, timeoutMs?: number): Promise<T>;
}

export function kafkaRest({ url, username, password, clock }: KafkaRestConnection): KafkaRest {
  return {
    kafka: new Kafka({ url, username, password }),
    async within(work, timeoutMs = LIMITS.restTimeoutMs) {
      try {
        return await within(clock, timeoutMs, work, 'Kafka did not answer over REST in time.');
      } catch (error) {
        throw error instanceof MetricStreamError ? error : unavailable(error);
      }
    },
  };
}

/** What the gateway, or Upstash, will say again to the same request. */
export function wasRefused({ cause }: MetricStreamError): boolean {
  return cause instanceof UpstashError && (cause.status === 400 || cause.status === 413);
}

/** Kafka's rule; a topic may stand in a path, which the client does not encode. */
export function isTopicName(name: string): boolean {
  return /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/.test(name);
}

function unavailable(cause: unknown): MetricStreamError {
  return new MetricStreamError('unavailable', 'Kafka cannot be reached over REST.', { retryAfterMs: LIMITS.retryMs, cause });
}
