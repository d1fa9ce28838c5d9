/** Takes pushes at an edge that keeps nothing: limits them, and hands them to the partition of their client in a log elsewhere. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Push } from '../model/push.ts';
import type { Clock } from '../ports/clock.ts';
import type { AppendOutcome, PushAppender } from '../ports/push-appender.ts';
import type { RateLimiter } from '../ports/rate-limiter.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TopicProducer, TopicRecord } from '../ports/topic-producer.ts';
import { ByteWriter } from '../protocols/bytes.ts';
import { encodePush, type ShapeInterner } from '../protocols/log-record.ts';
import { admitSeries } from './admit.ts';
import type { CardinalityLimits } from './cardinality.ts';
import { type ClientIntake, Intake } from './intake.ts';

export interface LogAppenderDependencies {
  readonly clock: Clock;
  readonly producer: TopicProducer;
  readonly topic: string;
  readonly partitions: number;
  readonly shapes: ShapeInterner;
  readonly telemetry: Telemetry;
  readonly cardinality: CardinalityLimits;
  readonly tenantRequestsPerSecond: number;
  /** What all edges count together; undefined: each counts by itself. */
  readonly limiter: RateLimiter | undefined;
}

const NO_HEADERS: TopicRecord['headers'] = [];
const ENCODER = new TextEncoder();

/** Who else reads the topic goes on with the trace of a push; all else of it is in the record. */
function headersOf({ traceparent, correlationId }: Push): TopicRecord['headers'] {
  if (traceparent === undefined) return NO_HEADERS;
  return [
    ['traceparent', ENCODER.encode(traceparent)],
    ['correlation_id', ENCODER.encode(correlationId)],
  ];
}

/** Series limits count what this edge has seen of a client; the ledger and repeats are the consumer's. */
export class LogAppender implements PushAppender {
  readonly #deps: LogAppenderDependencies;
  readonly #intake: Intake;
  readonly #writer = new ByteWriter(4096);
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(deps: LogAppenderDependencies) {
    this.#deps = deps;
    this.#intake = new Intake({ limits: deps.cardinality, partitions: deps.partitions, keeps: () => false });
    this.#arm();
  }

  #arm(): void {
    this.#cancel = this.#deps.clock.schedule(LIMITS.sweepIntervalMs, () => {
      this.#intake.sweep(this.#deps.clock.nowMs() - LIMITS.seriesIdleMs);
      this.#arm();
    });
  }

  append(push: Push, requestsPerSecond: number): Promise<AppendOutcome> {
    if (this.#closed) return Promise.resolve({ kind: 'refused', code: 'shutting_down', retryAfterMs: LIMITS.retryMs });
    const client = this.#intake.enter(push.tenant, push.client);
    if (client === undefined) return Promise.resolve({ kind: 'crowded' });
    const waitMs = this.#limit(client, requestsPerSecond);
    if (waitMs instanceof Promise) return waitMs.then((retryAfterMs) => this.#unless(retryAfterMs, push, client));
    return this.#unless(waitMs, push, client);
  }

  #unless(retryAfterMs: number, push: Push, client: ClientIntake): Promise<AppendOutcome> {
    return retryAfterMs > 0 ? Promise.resolve({ kind: 'limited', retryAfterMs }) : this.#produce(push, client);
  }

  /** @returns how long to wait, ms; 0: go on. */
  #limit(client: ClientIntake, requestsPerSecond: number): number | Promise<number> {
    const { clock, limiter, tenantRequestsPerSecond } = this.#deps;
    const nowMs = clock.nowMs();
    const waitMs = client.rate.take(requestsPerSecond, nowMs) || client.tenant.rate.take(tenantRequestsPerSecond, nowMs);
    if (waitMs > 0 || limiter === undefined) return waitMs;
    // Far from its limit here, a client is asked about nowhere else: a command for each push would cost more than the rest of it.
    if (client.rate.share(requestsPerSecond) < LIMITS.sharedLimitFromShare) return 0;
    return limiter.take(client.key, requestsPerSecond);
  }

  #produce(push: Push, client: ClientIntake): Promise<AppendOutcome> {
    const { clock, producer, topic, shapes, telemetry } = this.#deps;
    const startedMs = clock.nowMs();
    const { push: admitted, rejected } = admitSeries(push, client, shapes, startedMs);
    const value = encodePush(admitted, this.#writer);
    if (value.length > LIMITS.recordBytesMax) {
      const detail = `A record holds at most ${LIMITS.recordBytesMax} bytes.`;
      return Promise.reject(new MetricStreamError('body_too_large', detail));
    }
    const record = {
      topic,
      partition: client.partition,
      key: client.keyBytes,
      value,
      headers: headersOf(push),
      timestampMs: undefined,
    };
    return producer.send(record).then((offset) => {
      telemetry.observe('metricstream_append_seconds', (clock.nowMs() - startedMs) / 1000);
      telemetry.count('metricstream_log_records_total');
      return { kind: 'appended', offset, duplicate: false, rejected };
    });
  }

  /** Takes no more; what was taken is answered as it would have been. */
  stop(): void {
    this.#closed = true;
    this.#cancel?.();
  }
}
