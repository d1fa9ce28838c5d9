/** How batches form, wait, split and are given up, with a cluster that does what the test says. */
import { describe, expect, test } from 'vitest';
import { type Batch, batchedSends, type Destination, type SendOutcome } from '../../../src/adapters/kafka/batched-sends.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import type { TopicRecord } from '../../../src/ports/topic-producer.ts';
import { manualClock, settle } from '../../agent/manual-clock.ts';

interface Sent {
  readonly to: Destination;
  readonly batches: readonly Batch[];
  /** Of each batch its partition, then its records. */
  readonly texts: readonly (readonly (number | string)[])[];
  done(...outcomes: SendOutcome[]): void;
}

const textOf = (record: TopicRecord): string => new TextDecoder().decode(record.value);

function lab({
  lingerMs = 0,
  leader = (_partition: number): Destination => 1,
  topics = { t: 8 } as Record<string, number>,
} = {}) {
  const clock = manualClock();
  const sent: Sent[] = [];
  const dropped: Batch[] = [];
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
      destination: (_topic, partition) => leader(partition),
      send(to, batches, done) {
        const texts = batches.map(({ partition, records }) => [partition, ...records.map(textOf)]);
        sent.push({ to, batches, texts, done: (...outcomes) => done(outcomes) });
      },
      drop: (batch) => void dropped.push(batch),
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
  return { clock, sends, sent, dropped, answers, add, asked: () => asked, texts: () => sent.map(({ texts }) => texts) };
}

const kept = (offsets: number): SendOutcome => ({ kind: 'kept', offsets });
const gone: SendOutcome = { kind: 'unavailable', cause: undefined };
const refused: SendOutcome = { kind: 'refused', cause: undefined };
const again: SendOutcome = { kind: 'again', cause: undefined };

describe('batches', () => {
  test('of one partition hold all that was called at once, and the next collects while one is on its way', async () => {
    const { clock, sent, texts, answers, add } = lab();
    for (const text of ['a', 'b', 'c']) add(text);
    await clock.advance(0);
    for (const text of ['d', 'e']) add(text);
    await clock.advance(1_000);
    expect(texts()).toEqual([[[0, 'a', 'b', 'c']]]);
    sent[0]?.done(kept(7));
    await settle();
    expect(texts()).toEqual([[[0, 'a', 'b', 'c']], [[0, 'd', 'e']]]);
    sent[1]?.done(kept(10));
    await settle();
    expect(answers).toEqual(['7', '8', '9', '10', '11']);
  });

  test('wait as long as they are told for more', async () => {
    const { clock, texts, add } = lab({ lingerMs: 5 });
    add('a');
    await clock.advance(4);
    add('b');
    expect(texts()).toEqual([]);
    await clock.advance(1);
    expect(texts()).toEqual([[[0, 'a', 'b']]]);
  });

  test('have a bound of records', async () => {
    const { clock, sent, add } = lab();
    for (let i = 0; i < LIMITS.produceBatchRecordsMax + 2; i++) add(String(i));
    await clock.advance(0);
    sent[0]?.done(kept(0));
    expect(sent.map(({ batches }) => batches[0]?.records.length)).toEqual([LIMITS.produceBatchRecordsMax, 2]);
  });
});

describe('a request', () => {
  test('holds a batch of each partition of one broker, and what each answers is told to those who wait for it', async () => {
    const { clock, sent, texts, answers, add } = lab({ leader: (partition) => partition % 2 });
    for (const [text, partition] of [
      ['a', 4],
      ['b', 1],
      ['c', 2],
      ['d', 4],
      ['e', 3],
    ] as const)
      add(text, partition);
    await clock.advance(0);
    expect(sent.map(({ to }) => to)).toEqual([0, 1]);
    expect(texts()).toEqual([
      [
        [4, 'a', 'd'],
        [2, 'c'],
      ],
      [
        [1, 'b'],
        [3, 'e'],
      ],
    ]);
    sent[1]?.done(kept(20), kept(30));
    sent[0]?.done(kept(40), kept(50));
    await settle();
    expect(answers).toEqual(['40', '20', '50', '41', '30']);
  });

  test('is one of few that a broker has at a time: what comes meanwhile collects, and no other broker is held up', async () => {
    const { clock, sent, texts, add } = lab({ leader: (partition) => partition % 2 });
    for (const partition of [6, 4, 2, 0]) {
      add('x', partition);
      await clock.advance(0);
    }
    add('y', 1);
    await clock.advance(0);
    add('z', 2);
    expect(texts()).toEqual([[[6, 'x']], [[4, 'x']], [[1, 'y']]]);
    sent[1]?.done(kept(0));
    expect(texts().slice(3)).toEqual([
      [
        [2, 'x', 'z'],
        [0, 'x'],
      ],
    ]);
  });

  test('has a bound of bytes; what is beyond it goes with the next', async () => {
    const { clock, sent, add } = lab();
    const text = 'x'.repeat(LIMITS.produceBatchBytesMax - 100);
    for (let partition = 0; partition < 8; partition++) add(text, partition);
    await clock.advance(0);
    sent[0]?.done(...Array.from({ length: sent[0].batches.length }, () => kept(0)));
    expect(sent.map(({ batches }) => batches.length)).toEqual([5, 3]);
  });

  test('that fails in a part holds the others up no longer, and the part goes again as it was, before what came later', async () => {
    const { clock, sent, texts, answers, add } = lab();
    for (const partition of [0, 1, 2]) add(`a${partition}`, partition);
    await clock.advance(0);
    for (const partition of [0, 1, 2]) add(`b${partition}`, partition);
    sent[0]?.done(kept(5), again, kept(7));
    await settle();
    expect(answers).toEqual(['5', undefined, '7', undefined, undefined, undefined]);
    expect(texts()[1]).toEqual([
      [0, 'b0'],
      [2, 'b2'],
    ]);
    sent[1]?.done(kept(6), kept(8));
    await clock.advance(LIMITS.kafkaRetryDelayMs);
    expect(texts()[2]).toEqual([[1, 'a1']]);
    expect(sent[2]?.batches[0]).toBe(sent[0]?.batches[1]);
    sent[2]?.done(kept(6));
    expect(texts()[3]).toEqual([[1, 'b1']]);
    sent[3]?.done(kept(7));
    await settle();
    expect(answers).toEqual(['5', '6', '7', '6', '7', '8']);
  });

  test('whose partitions have other leaders when they go again is parted among them, each with what else they have', async () => {
    const leaders = [1, 1, 1, 2];
    const { clock, sent, texts, answers, add } = lab({ leader: (partition) => leaders[partition] });
    for (const partition of [0, 1, 2]) add(`a${partition}`, partition);
    await clock.advance(0);
    sent[0]?.done(again, again, again);
    leaders[1] = 2;
    leaders[2] = 3;
    await clock.advance(LIMITS.kafkaRetryDelayMs - 1);
    expect(sent.length).toBe(1);
    await clock.advance(1);
    expect(sent.slice(1).map(({ to }) => to)).toEqual([1, 2, 3]);
    expect(texts().slice(1)).toEqual([[[0, 'a0']], [[1, 'a1']], [[2, 'a2']]]);
    leaders[2] = 2;
    sent[3]?.done(again);
    sent[2]?.done(again);
    await clock.advance(LIMITS.kafkaRetryDelayMs);
    for (const one of sent.slice(4)) one.done(...one.batches.map(() => kept(9)));
    sent[1]?.done(kept(0));
    await settle();
    expect(answers).toEqual(['0', '9', '9']);
  });

  test('that goes again when nobody waits for it any more does not: it is dropped', async () => {
    const { clock, sends, sent, dropped, answers, add } = lab();
    add('a');
    add('b', 1);
    await clock.advance(0);
    add('c');
    await clock.advance(12_500);
    add('d');
    expect(answers).toEqual(['unavailable', 'unavailable', 'unavailable', undefined]);
    sent[0]?.done(again, again);
    expect(dropped).toEqual(sent[0]?.batches);
    expect(sent[1]?.texts).toEqual([[0, 'd']]);
    sent[1]?.done(kept(3));
    await settle();
    expect([answers[3], sends.bytes]).toEqual(['3', 0]);
  });
});

describe('a record', () => {
  test('that is refused does not take others with it, and order holds', async () => {
    const { clock, sent, answers, add } = lab();
    for (const text of ['a', 'b', 'BAD', 'd', 'e']) add(text);
    await clock.advance(0);
    add('f');
    await clock.advance(0);
    const log: string[] = [];
    for (let i = 0; i < sent.length; i++) {
      const { batches, done } = sent[i] as Sent;
      const texts = batches.flatMap(({ records }) => records.map(textOf));
      done(texts.includes('BAD') ? refused : kept(log.length));
      if (!texts.includes('BAD')) log.push(...texts);
      await settle();
    }
    expect(log).toEqual(['a', 'b', 'd', 'e', 'f']);
    expect(answers).toEqual(['0', '1', 'invalid_request', '2', '3', '4']);
  });

  test('that is refused costs those of other partitions in its request nothing', async () => {
    const { clock, sent, texts, answers, add } = lab();
    add('BAD');
    add('good', 1);
    await clock.advance(0);
    sent[0]?.done(refused, kept(3));
    await settle();
    expect([answers, texts().length]).toEqual([['invalid_request', '3'], 1]);
  });

  test('of a batch that was not confirmed is unavailable, and those behind it go on', async () => {
    const { clock, sends, sent, answers, add } = lab();
    add('a');
    await clock.advance(0);
    add('b');
    await clock.advance(0);
    sent[0]?.done(gone);
    sent[1]?.done(kept(4));
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
    sent[0]?.done(kept(0));
    await settle();
    expect([sent.length, sends.bytes, clock.waiting()]).toEqual([1, 0, 0]);
    add('later');
    await clock.advance(0);
    expect(sent[1]?.texts).toEqual([[0, 'later']]);
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
    const { clock, texts, answers, add, asked } = lab({ topics });
    add('a');
    add('b', 1);
    add('c');
    await clock.advance(0);
    expect([asked(), answers]).toEqual([1, [undefined, 'invalid_request', undefined]]);
    topics.t = 2;
    add('d', 1);
    await clock.advance(0);
    expect([asked(), texts()]).toEqual([2, [[[0, 'a', 'c']], [[1, 'd']]]]);
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
  sent[0]?.done(kept(0));
  await clock.advance(0);
  expect([answers, closed]).toEqual([['0', undefined, 'unavailable'], false]);
  await clock.advance(12_500);
  await closing;
  expect(answers).toEqual(['0', 'unavailable', 'unavailable']);
});
