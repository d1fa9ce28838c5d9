/** How batches form, wait, split and are given up, with a cluster that does what the test says. */
import { describe, expect, test } from 'vitest';
import { batchedSends, type SendFailure } from '../../../src/adapters/kafka/batched-sends.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import type { TopicRecord } from '../../../src/ports/topic-producer.ts';
import { manualClock, settle } from '../../agent/manual-clock.ts';

interface Sent {
  readonly texts: readonly string[];
  readonly partition: number;
  done(failure: SendFailure | undefined, firstOffset: number): void;
}

const textOf = (record: TopicRecord): string => new TextDecoder().decode(record.value);

function lab({
  lingerMs = 0,
  leader = (_partition: number): number | undefined => 1,
  topics = { t: 4 } as Record<string, number>,
} = {}) {
  const clock = manualClock();
  const sent: Sent[] = [];
  const answers: (string | undefined)[] = [];
  let asked = 0;
  const sends = batchedSends({
    clock,
    lingerMs,
    timeoutMs: 10_000,
    transport: {
      partitions: async (topic) => {
        asked += 1;
        return topics[topic];
      },
      leader: (_topic, partition) => leader(partition),
      send: (records, done) => void sent.push({ texts: records.map(textOf), partition: records[0]?.partition ?? -1, done }),
    },
  });
  const add = (text: string, partition = 0, topic = 't'): void => {
    const place = answers.push(undefined) - 1;
    const value = new TextEncoder().encode(text);
    sends.add({ topic, partition, key: undefined, value, headers: [], timestampMs: undefined }).then(
      (offset) => (answers[place] = String(offset)),
      (error: { code: string }) => (answers[place] = error.code),
    );
  };
  return { clock, sends, sent, answers, add, asked: () => asked };
}

const gone: SendFailure = { kind: 'unavailable', cause: undefined };
const refused: SendFailure = { kind: 'refused', cause: undefined };

describe('batches', () => {
  test('of one partition hold all that was called at once, and the next collects while one is on its way', async () => {
    const { clock, sent, answers, add } = lab();
    for (const text of ['a', 'b', 'c']) add(text);
    await clock.advance(0);
    for (const text of ['d', 'e']) add(text);
    await clock.advance(1_000);
    expect(sent.map(({ texts }) => texts)).toEqual([['a', 'b', 'c']]);
    sent[0]?.done(undefined, 7);
    await settle();
    expect(sent.map(({ texts }) => texts)).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
    sent[1]?.done(undefined, 10);
    await settle();
    expect(answers).toEqual(['7', '8', '9', '10', '11']);
  });

  test('wait as long as they are told for more', async () => {
    const { clock, sent, add } = lab({ lingerMs: 5 });
    add('a');
    await clock.advance(4);
    add('b');
    expect(sent).toEqual([]);
    await clock.advance(1);
    expect(sent.map(({ texts }) => texts)).toEqual([['a', 'b']]);
  });

  test('have a bound of records', async () => {
    const { clock, sent, add } = lab();
    for (let i = 0; i < LIMITS.produceBatchRecordsMax + 2; i++) add(String(i));
    await clock.advance(0);
    sent[0]?.done(undefined, 0);
    expect(sent.map(({ texts }) => texts.length)).toEqual([LIMITS.produceBatchRecordsMax, 2]);
  });

  test('of one broker are sent few at a time, in the order in which they were ready, and hold no other broker up', async () => {
    const { clock, sent, add } = lab({ leader: (partition) => partition % 2, topics: { t: 8 } });
    for (const partition of [6, 4, 2, 0]) add('x', partition);
    await clock.advance(0);
    for (const partition of [1, 3, 5]) add('x', partition);
    await clock.advance(0);
    expect(sent.map(({ partition }) => partition)).toEqual([6, 4, 1, 3]);
    sent[1]?.done(undefined, 0);
    expect(sent.map(({ partition }) => partition)).toEqual([6, 4, 1, 3, 2]);
  });
});

describe('a record', () => {
  test('that is refused does not take others with it, and order holds', async () => {
    const { clock, sent, answers, add } = lab();
    for (const text of ['a', 'b', 'BAD', 'd', 'e']) add(text);
    await clock.advance(0);
    add('f');
    await clock.advance(0);
    let offset = 0;
    const kept: string[] = [];
    for (let i = 0; i < sent.length; i++) {
      const { texts, done } = sent[i] as Sent;
      const isBad = texts.includes('BAD');
      if (!isBad) kept.push(...texts);
      done(isBad ? refused : undefined, offset);
      if (!isBad) offset += texts.length;
      await settle();
    }
    expect(kept).toEqual(['a', 'b', 'd', 'e', 'f']);
    expect(answers).toEqual(['0', '1', 'invalid_request', '2', '3', '4']);
  });

  test('of a batch that was not confirmed is unavailable, and those behind it go on', async () => {
    const { clock, sends, sent, answers, add } = lab();
    add('a');
    await clock.advance(0);
    add('b');
    await clock.advance(0);
    sent[0]?.done(gone, -1);
    sent[1]?.done(undefined, 4);
    await settle();
    expect(answers).toEqual(['unavailable', '4']);
    expect(sends.bytes).toBe(0);
  });

  test('is given up at its deadline, whether it waits, is on its way or its topic is not known', async () => {
    const { clock, sends, sent, answers, add } = lab();
    add('on its way');
    await clock.advance(0);
    add('waits');
    await clock.advance(10_000);
    expect(answers).toEqual([undefined, undefined]);
    await clock.advance(2_500);
    expect(answers).toEqual(['unavailable', 'unavailable']);
    expect(sends.bytes).toBeGreaterThan(0);
    sent[0]?.done(undefined, 0);
    await settle();
    expect([sent.length, sends.bytes, clock.waiting()]).toEqual([1, 0, 0]);
    add('later');
    await clock.advance(0);
    expect(sent[1]?.texts).toEqual(['later']);
  });

  test('beyond the bytes that may wait is told to come back', async () => {
    const { clock, sends, answers, add } = lab();
    const text = 'x'.repeat(1024 * 1024);
    for (let i = 0; i < 65; i++) add(text);
    await clock.advance(0);
    expect(answers.filter((one) => one === 'unavailable').length).toBe(2);
    expect(sends.bytes).toBeLessThanOrEqual(LIMITS.produceQueueBytesMax);
  });
});

describe('a topic', () => {
  test('is asked for once, by all that wait for it, and again when a partition is not known', async () => {
    const topics: Record<string, number> = { t: 1 };
    const { clock, sent, answers, add, asked } = lab({ topics });
    add('a');
    add('b', 1);
    add('c');
    await clock.advance(0);
    expect([asked(), answers]).toEqual([1, [undefined, 'invalid_request', undefined]]);
    topics.t = 2;
    add('d', 1);
    await clock.advance(0);
    expect([asked(), sent.map(({ texts }) => texts)]).toEqual([2, [['a', 'c'], ['d']]]);
  });

  test('that is not there is not remembered', async () => {
    const topics: Record<string, number> = {};
    const { clock, sent, answers, add } = lab({ topics });
    add('a');
    await clock.advance(0);
    topics.t = 1;
    add('b');
    await clock.advance(0);
    expect([answers, sent.length]).toEqual([['invalid_request', undefined], 1]);
  });
});

test('closing waits for what is open, and no longer than its deadline', async () => {
  const { clock, sends, sent, answers, add } = lab();
  add('a');
  await clock.advance(0);
  add('b');
  let closed = false;
  const closing = sends.close().then(() => (closed = true));
  add('late');
  sent[0]?.done(undefined, 0);
  await clock.advance(0);
  expect([answers, closed]).toEqual([['0', undefined, 'unavailable'], false]);
  await clock.advance(12_500);
  await closing;
  expect(answers).toEqual(['0', 'unavailable', 'unavailable']);
});
