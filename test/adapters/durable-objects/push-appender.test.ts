/** Pushes that wait for calls to their shard travel together, and each is told what became of it. */
import { describe, expect, test } from 'vitest';
import { remotePushAppender } from '../../../src/adapters/durable-objects/push-appender.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import type { AppendOutcome } from '../../../src/ports/push-appender.ts';
import type { AppendCall, EdgeCount, Reply, ShardWriter } from '../../../src/ports/shard-service.ts';
import { decodeRecord, shapeInterner } from '../../../src/protocols/log-record.ts';
import { CALL_VERSION } from '../../../src/protocols/shard-reply.ts';
import { manualClock } from '../../agent/manual-clock.ts';
import { earlierShard } from '../../consumers/earlier-shard.ts';
import { pushOf } from '../../consumers/shapes.ts';

const START_MS = 1_767_225_600_000;
const COUNT: EdgeCount = ['metricstream_pushes_total', 1, undefined];

interface Call {
  readonly sent: readonly AppendCall[];
  readonly clients: readonly string[];
  /** Ends the call. */
  answer(replies?: readonly Reply<AppendOutcome>[]): void;
  fail(error: Error): void;
}

const appended = (offset: number): Reply<AppendOutcome> => ({
  version: CALL_VERSION,
  ok: true,
  value: { kind: 'appended', offset, duplicate: false, rejected: [] },
});

/** A shard whose calls end when the test says so. */
function heldShard() {
  const calls: Call[] = [];
  const shapes = shapeInterner();
  const clientOf = ({ record }: AppendCall): string => {
    const entry = decodeRecord(record, shapes);
    return entry.type === 'push' ? entry.push.client : '';
  };
  const hold = (sent: readonly AppendCall[]): Promise<readonly Reply<AppendOutcome>[]> =>
    new Promise((resolve, reject) => {
      const answer = (replies = sent.map((_, i) => appended(i))): void => resolve(replies);
      calls.push({ sent, clients: sent.map(clientOf), answer, fail: reject });
    });
  const shard: ShardWriter = {
    append: async (call) => (await hold([call]))[0] as Reply<AppendOutcome>,
    appendAll: async ({ calls: sent }) => ({ version: CALL_VERSION, ok: true, value: await hold(sent) }),
  };
  return { calls, shard };
}

function openEdge(shard: ShardWriter, kept: Promise<unknown>[] = []) {
  const clock = manualClock(START_MS);
  const shapes = shapeInterner();
  const keep = (call: Promise<unknown>): void => void kept.push(call);
  const appender = remotePushAppender({ clock, partitions: 12, shards: 1, shardOf: () => shard, counts: () => [COUNT], keep });
  const push = (client: string, samples: Parameters<typeof pushOf>[1] = [['cpu', START_MS, 1]]) =>
    appender.append(pushOf(shapes, samples, { client }), 100, 'default.key');
  return { clock, push };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const names = (from: number, until: number): string[] => Array.from({ length: until - from }, (_, i) => `web-${from + i}`);
const FULL = LIMITS.shardCallsMax;

describe('a push to a shard elsewhere', () => {
  test('goes off at once, alone, as long as few calls are under way; those that come then go together, in their order', async () => {
    const { calls, shard } = heldShard();
    const { push } = openEdge(shard);
    const outcomes = names(0, FULL + 5).map((client) => push(client));
    await turn();
    expect(calls.map(({ clients }) => clients)).toEqual(names(0, FULL).map((client) => [client]));
    calls[0]?.answer();
    await turn();
    expect(calls.map(({ clients }) => clients).slice(FULL)).toEqual([names(FULL, FULL + 5)]);
    for (const { answer } of calls) answer();
    expect((await Promise.all(outcomes)).map(({ kind }) => kind)).toEqual(Array.from({ length: FULL + 5 }, () => 'appended'));
  });

  test('hears what became of itself, whatever became of those that went with it', async () => {
    const { calls, shard } = heldShard();
    const { push } = openEdge(shard);
    const first = names(0, FULL).map((client) => push(client));
    const together = names(FULL, FULL + 3).map((client) => push(client).catch((error: { code: string }) => error.code));
    calls[0]?.answer();
    await turn();
    const refused: Reply<AppendOutcome> = {
      version: CALL_VERSION,
      ok: false,
      code: 'unauthorized',
      message: '',
      retryAfterMs: undefined,
    };
    calls[FULL]?.answer([appended(7), refused]);
    expect(await Promise.all(together)).toEqual([
      expect.objectContaining({ kind: 'appended', offset: 7 }),
      'unauthorized',
      'unavailable',
    ]);
    for (const { answer } of calls) answer();
    await Promise.all(first);
  });

  test('can be sent again where the call fails for all', async () => {
    const { calls, shard } = heldShard();
    const { push } = openEdge(shard);
    const first = names(0, FULL).map((client) => push(client));
    const together = names(FULL, FULL + 2).map((client) => push(client).catch((error: { code: string }) => error.code));
    calls[0]?.answer();
    await turn();
    calls[FULL]?.fail(Object.assign(new Error('busy'), { overloaded: true }));
    expect(await Promise.all(together)).toEqual(['overloaded', 'overloaded']);
    for (const { answer } of calls) answer();
    await Promise.all(first);
  });

  test('reaches a shard of the version before, one by one', async () => {
    const { calls, shard } = heldShard();
    const { push } = openEdge(earlierShard(shard.append));
    const outcomes = names(0, FULL + 3).map((client) => push(client));
    for (let i = 0; i < FULL + 3; i++) {
      await turn();
      calls[i]?.answer();
    }
    expect((await Promise.all(outcomes)).map(({ kind }) => kind)).toEqual(Array.from({ length: FULL + 3 }, () => 'appended'));
    expect(calls.flatMap(({ clients }) => clients)).toEqual(names(0, FULL + 3));
  });

  test('waits for a slow call only so long', async () => {
    const { calls, shard } = heldShard();
    const { clock, push } = openEdge(shard);
    for (const client of names(0, FULL + 2)) void push(client);
    await clock.advance(LIMITS.shardCallWaitMs - 1);
    expect(calls).toHaveLength(FULL);
    await clock.advance(1);
    expect(calls[FULL]?.clients).toEqual(names(FULL, FULL + 2));
    expect(clock.waiting()).toBe(0);
  });

  test('goes for one whose request was given up before it could call', async () => {
    const { calls, shard } = heldShard();
    const { clock, push } = openEdge(shard);
    for (const client of names(0, FULL + 1)) void push(client);
    // Its timer is gone with it: time goes on, and nothing happens.
    clock.step(2 * LIMITS.shardCallWaitMs);
    void push('web-late');
    await turn();
    expect(calls[FULL]?.clients).toEqual([`web-${FULL}`, 'web-late']);
  });

  test('is not kept waiting by calls that ended with their request, and never end', async () => {
    const { calls, shard } = heldShard();
    const { clock, push } = openEdge(shard);
    for (const client of names(0, FULL)) void push(client);
    clock.step(LIMITS.appendTimeoutMs);
    const late = push('web-late');
    await turn();
    expect(calls[FULL]?.clients).toEqual(['web-late']);
    calls[FULL]?.answer();
    expect(await late).toMatchObject({ kind: 'appended', offset: 0 });
  });

  test('is refused as overloaded once too much waits', async () => {
    const { shard } = heldShard();
    const { push } = openEdge(shard);
    const samples = Array.from({ length: LIMITS.metricsPerPushMax }, (_, i) => [`metric_${i}`, START_MS, i] as const);
    const bytes = samples.length * 8;
    for (let i = 0; i <= FULL + LIMITS.shardWaitingBytesMax / bytes; i++) void push('web-1', samples);
    expect(await push('web-1')).toEqual({ kind: 'refused', code: 'overloaded', retryAfterMs: LIMITS.retryMs });
  });

  test('outlives the request that made its call, and takes what was counted along once', async () => {
    const { calls, shard } = heldShard();
    const kept: Promise<unknown>[] = [];
    const { push } = openEdge(shard, kept);
    const outcomes = names(0, FULL + 3).map((client) => push(client));
    calls[0]?.answer();
    await turn();
    expect(kept).toHaveLength(FULL + 1);
    expect(calls[FULL]?.sent.map(({ counts }) => counts)).toEqual([[COUNT], [], []]);
    for (const { answer } of calls) answer();
    await Promise.all([...outcomes, ...kept]);
  });
});
