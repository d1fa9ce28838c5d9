/** A gateway on memory: topics, groups and a Redis of a few commands, with a clock that stands until it is moved. */
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { type MemoryTopicProducer, memoryTopicProducer } from '../../src/adapters/memory/topic-producer.ts';
import { createGateway, type Gateway } from '../../src/gateway/app.ts';
import { readCredentials } from '../../src/gateway/credentials.ts';
import { MetricStreamError } from '../../src/model/errors.ts';
import type { ConsumerGroups, GroupMember } from '../../src/ports/consumer-groups.ts';
import type { RedisCommand, RedisCommands, RedisOutcome } from '../../src/ports/redis-commands.ts';
import type { TopicMessage, TopicReader } from '../../src/ports/topic-reader.ts';
import { type ManualClock, manualClock } from '../agent/manual-clock.ts';

export const SECRETS = {
  all: 'secret-of-all-012345',
  edge: 'secret-of-edge-01234',
  reader: 'secret-of-reader-012',
  slow: 'secret-of-slow-01234',
} as const;

export const CREDENTIALS = {
  credentials: [
    {
      name: 'all',
      secret: SECRETS.all,
      kafka: { operations: ['produce', 'consume', 'admin'], topics: ['*'] },
      redis: true,
    },
    { name: 'edge', secret: SECRETS.edge, kafka: { operations: ['produce'], topics: ['raw', 'logs-*'] } },
    { name: 'reader', secret: SECRETS.reader, kafka: { operations: ['consume'], topics: ['raw'], groups: ['read-*'] } },
    { name: 'slow', secret: SECRETS.slow, redis: true, requestsPerSecond: 2 },
  ],
};

export const TOPICS = { raw: 3, 'logs-app': 1, other: 2 } as const;

export function basic(name: keyof typeof SECRETS): string {
  return `Basic ${Buffer.from(`${name}:${SECRETS[name]}`).toString('base64')}`;
}

export interface FakeRedis extends RedisCommands {
  /** Everything that was run, transactions with MULTI before them. */
  readonly ran: string[][];
  /** What the next runs answer, by the command's name; others answer OK. */
  readonly answers: Map<string, RedisOutcome>;
  isDown: boolean;
}

export interface GatewayLab {
  readonly gateway: Gateway;
  readonly clock: ManualClock;
  readonly producer: MemoryTopicProducer;
  readonly redis: FakeRedis;
  /** Members of groups, in the order in which they joined. */
  readonly members: FakeMember[];
  readonly lines: string[];
  ask(
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: unknown; headers: Headers }>;
}

/** Members give what the test hands them. */
export interface FakeMember extends GroupMember {
  readonly topics: readonly string[];
  readonly commits: (readonly unknown[] | undefined)[];
  isClosed: boolean;
  give(messages: readonly TopicMessage[]): void;
}

export function gatewayLab(overrides: { kafkaDown?: boolean } = {}): GatewayLab {
  const clock = manualClock();
  const producer = memoryTopicProducer({ topics: TOPICS, recordBytesMax: 20_000 });
  const lines: string[] = [];
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs, write: (line) => lines.push(line) });
  const members: FakeMember[] = [];
  const redis = fakeRedis();
  const reader = fakeReader(producer, overrides.kafkaDown === true);
  const groups: ConsumerGroups = {
    join: ({ topics }) => {
      const member = fakeMember(topics);
      members.push(member);
      return member;
    },
    committed: async (_, partitions) => partitions.map(({ partition }) => (partition === 0 ? 7 : undefined)),
    close: async () => {},
  };
  const gateway = createGateway({
    clock,
    credentials: readCredentials(JSON.stringify(CREDENTIALS)),
    telemetry,
    random: () => 0,
    kafka: { producer, reader, groups },
    redis,
  });
  return {
    gateway,
    clock,
    producer,
    redis,
    members,
    lines,
    async ask(path, body, headers = {}) {
      const request = new Request(`http://127.0.0.1${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: basic('all'), ...headers },
        ...(body === undefined || body === null ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const response = await gateway.fetch(request);
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text, headers: response.headers };
    },
  };
}

function fakeReader(producer: MemoryTopicProducer, isDown: boolean): TopicReader {
  const stored = (topic: string, partition: number): readonly TopicMessage[] =>
    producer.records(topic, partition).map((record, offset) => ({ ...record, offset, timestampMs: record.timestampMs ?? 0 }));
  return {
    async topics() {
      if (isDown) throw new MetricStreamError('unavailable', 'Kafka is away.', { retryAfterMs: 2_000 });
      return new Map(Object.entries(TOPICS));
    },
    offsets: async (from, partitions) =>
      partitions.map(({ topic, partition }) => ({
        topic,
        partition,
        offset: from === 'earliest' ? 0 : stored(topic, partition).length,
      })),
    fetch: async (from) => from.flatMap(({ topic, partition, offset }) => stored(topic, partition).slice(offset)),
    close: async () => {},
  };
}

function fakeMember(topics: readonly string[]): FakeMember {
  const waiting: TopicMessage[] = [];
  let wake = (): void => {};
  const member: FakeMember = {
    topics,
    commits: [],
    isClosed: false,
    assignment: topics.map((topic) => ({ topic, partitions: [0] })),
    give(messages) {
      waiting.push(...messages);
      wake();
    },
    async poll(waitMs, signal) {
      if (waiting.length === 0 && waitMs > 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener('abort', () => resolve());
        });
      }
      return signal.aborted ? [] : waiting.splice(0);
    },
    async commit(offsets) {
      member.commits.push(offsets);
    },
    async close() {
      member.isClosed = true;
    },
  };
  return member;
}

function fakeRedis(): FakeRedis {
  const answer = (command: RedisCommand): RedisOutcome => redis.answers.get(command[0].toUpperCase()) ?? { reply: 'OK' };
  const check = (): void => {
    if (redis.isDown) throw new MetricStreamError('unavailable', 'Redis is away.', { retryAfterMs: 2_000 });
  };
  const redis: FakeRedis = {
    ran: [],
    answers: new Map(),
    isDown: false,
    async run(commands) {
      check();
      redis.ran.push(...commands.map((command) => [...command]));
      return commands.map(answer);
    },
    async transaction(commands) {
      check();
      redis.ran.push(['MULTI'], ...commands.map((command) => [...command]), ['EXEC']);
      const aborted = redis.answers.get('EXEC');
      return aborted !== undefined && 'error' in aborted ? aborted : commands.map(answer);
    },
    ping: async () => check(),
    close: async () => {},
  };
  return redis;
}
