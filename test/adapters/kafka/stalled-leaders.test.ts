/** What a leader that stands still costs: against brokers that keep Kafka's rules. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import { settle } from '../../agent/manual-clock.ts';
import { producerLab as lab, TIMEOUT_MS } from './producer-lab.ts';

describe('a leader that stands still', () => {
  const { produceAnswerMs, produceStallMs, kafkaRetryDelayMs } = LIMITS;

  test('is waited for until another leads and no longer, though it was asked a second time: batches go there under their numbers', async () => {
    const { clock, brokers, answers, add, retry, last } = lab();
    add('a');
    await clock.advance(produceAnswerMs);
    last().lose();
    await retry();
    expect(brokers.requests.map(({ broker }) => broker)).toEqual([1, 1]);
    await clock.advance(produceStallMs);
    brokers.leaders[0] = 2;
    await clock.advance(2 * kafkaRetryDelayMs);
    expect(last()).toMatchObject({ broker: 2, sent: brokers.requests[0]?.sent });
    last().answer();
    brokers.requests[1]?.answer();
    add('b');
    await clock.advance(0);
    last().answer();
    await settle();
    expect([brokers.logs[0], answers]).toEqual([
      ['a', 'b'],
      [0, 1],
    ]);
  });

  test('and has kept a batch keeps it once, though it leads again before the batch comes back', async () => {
    const { clock, brokers, answers, add, last } = lab();
    add('a');
    await clock.advance(produceStallMs);
    brokers.leaders[0] = 2;
    await clock.advance(kafkaRetryDelayMs);
    brokers.leaders[0] = 1;
    brokers.requests[0]?.answer();
    await settle();
    expect(answers).toEqual([undefined]);
    await clock.advance(kafkaRetryDelayMs);
    expect(last()).toMatchObject({ broker: 1, sent: brokers.requests[0]?.sent });
    last().answer();
    await settle();
    expect([brokers.requests.length, brokers.logs[0], answers]).toEqual([2, ['a'], [0]]);
  });

  test('takes what was sent behind with it: none of it waits for a timeout of its own', async () => {
    const { clock, brokers, answers, add } = lab();
    add('a', 0);
    await clock.advance(produceStallMs - 1);
    add('b', 1);
    await clock.advance(1);
    brokers.leaders = [2, 3, 1];
    await clock.advance(2 * kafkaRetryDelayMs);
    expect(brokers.requests.map(({ broker }) => broker)).toEqual([1, 1, 2, 3]);
    for (const request of brokers.requests) request.answer();
    await settle();
    expect([brokers.logs.slice(0, 2), answers]).toEqual([
      [['a'], ['b']],
      [0, 0],
    ]);
  });

  test.each([
    ['itself', 1],
    ['nobody', undefined],
  ])('is asked about, and waited for while %s is known to lead', async (_, leader) => {
    const { clock, brokers, answers, add, last } = lab();
    add('a');
    await clock.advance(produceStallMs - 1);
    expect(brokers.doubted).toEqual([]);
    brokers.leaders[0] = leader;
    await clock.advance(1 + 2 * kafkaRetryDelayMs);
    expect(brokers.doubted).toEqual(['t', 't', 't']);
    brokers.leaders[0] = 1;
    last().answer();
    await clock.advance(TIMEOUT_MS * 1.25);
    expect([brokers.requests.length, brokers.doubted.length, answers, clock.waiting()]).toEqual([1, 3, [0], 0]);
  });
});
