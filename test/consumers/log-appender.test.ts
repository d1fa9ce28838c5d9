/** The edge before a log elsewhere: what it limits by itself, whom it asks, and what a failure of the log means. */
import { describe, expect, test } from 'vitest';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { memoryTopicProducer } from '../../src/adapters/memory/topic-producer.ts';
import { LogAppender, type LogAppenderDependencies } from '../../src/consumers/log-appender.ts';
import { MetricStreamError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { partitionOf } from '../../src/model/partition.ts';
import { decodeRecord, shapeInterner } from '../../src/protocols/log-record.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { pushOf } from './shapes.ts';

const TOPIC = 'metrics-raw';
const PARTITIONS = 12;
const shapes = shapeInterner();

function open(parts: Partial<LogAppenderDependencies> = {}) {
  const clock = manualClock();
  const producer = memoryTopicProducer({ topics: { [TOPIC]: PARTITIONS } });
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs });
  const appender = new LogAppender({
    clock,
    producer,
    topic: TOPIC,
    partitions: PARTITIONS,
    shapes,
    telemetry,
    cardinality: LIMITS,
    tenantRequestsPerSecond: LIMITS.tenantRequestsPerSecond,
    limiter: undefined,
    ...parts,
  });
  const push = (client = 'web-1', perSecond = 100) =>
    appender.append(pushOf(shapes, [['cpu', clock.nowMs(), 1]], { client, arrivalMs: clock.nowMs() }), perSecond);
  return { clock, producer, appender, push };
}

describe('an edge before Kafka', () => {
  test('appends one record a push, to the partition that any producer would choose for its client', async () => {
    const { push, producer } = open();
    for (const client of ['web-1', 'web-2', 'db-1']) {
      const outcome = await push(client);
      const partition = partitionOf(`default/${client}`, PARTITIONS);
      const record = producer.records(TOPIC, partition).at(-1);
      expect(outcome).toMatchObject({ kind: 'appended', duplicate: false, rejected: [] });
      expect(new TextDecoder().decode(record?.key)).toBe(`default/${client}`);
      expect(decodeRecord(record?.value ?? new Uint8Array(0), shapes)).toMatchObject({ type: 'push', push: { client } });
    }
  });

  test('hands a trace on in the headers of the record, and has none where there is none', async () => {
    const { appender, producer } = open();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const push = pushOf(shapes, [['cpu', 0, 1]]);
    await appender.append({ ...push, traceparent, correlationId: 'abc' }, 100);
    await appender.append(push, 100);
    const [traced, plain] = producer.records(TOPIC, partitionOf('default/web-1', PARTITIONS));
    const texts = traced?.headers.map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]);
    expect(texts).toEqual([
      ['traceparent', traceparent],
      ['correlation_id', 'abc'],
    ]);
    expect(plain?.headers).toEqual([]);
  });

  test('limits a client by what it has seen itself, and says when to come again', async () => {
    const { push, clock } = open();
    for (let i = 0; i < 3; i++) expect(await push('web-1', 3)).toMatchObject({ kind: 'appended' });
    expect(await push('web-1', 3)).toEqual({ kind: 'limited', retryAfterMs: LIMITS.limitWindowMs });
    expect(await push('web-2', 3)).toMatchObject({ kind: 'appended' });
    await clock.advance(LIMITS.limitWindowMs);
    expect(await push('web-1', 3)).toMatchObject({ kind: 'appended' });
  });

  test('asks what all edges count together only about clients that are past half of their limit here', async () => {
    const asked: string[] = [];
    let waitMs = 0;
    const limiter = {
      async take(key: string) {
        asked.push(key);
        return waitMs;
      },
    };
    const { push, producer } = open({ limiter });
    for (let i = 0; i < 10; i++) await push('web-1', 10);
    expect(asked.length).toBe(6);
    waitMs = 250;
    for (let i = 0; i < 5; i++) await push('web-2', 8);
    expect(await push('web-2', 8)).toEqual({ kind: 'limited', retryAfterMs: 250 });
    expect(producer.records(TOPIC, partitionOf('default/web-2', PARTITIONS)).length).toBe(3);
  });

  test('passes on what the log throws, and takes no more once it is told to stop', async () => {
    const failure = new MetricStreamError('unavailable', 'no brokers', { retryAfterMs: 1_000 });
    const { push, appender } = open({ producer: { send: () => Promise.reject(failure), close: async () => undefined } });
    await expect(push()).rejects.toBe(failure);
    appender.stop();
    expect(await push()).toEqual({ kind: 'refused', code: 'shutting_down', retryAfterMs: LIMITS.retryMs });
  });
});
