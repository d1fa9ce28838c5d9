/** Who leads, as answers of the client library and its errors tell it. */
import { NetworkError, type Producer, ResponseError, UserError } from '@platformatic/kafka';
import { expect, test } from 'vitest';
import { firstBroker } from '../../../src/adapters/kafka/first-broker.ts';
import { kafkaLeaders } from '../../../src/adapters/kafka/leaders.ts';
import { settle } from '../../agent/manual-clock.ts';

const BROKERS = [1, 2].map((nodeId) => ({ nodeId, host: 'broker', port: nodeId }));
const METADATA = 3;
const LEADER_NOT_AVAILABLE = 5;

/** As the library gives it; an error where a partition has no leader, with the whole answer in it. */
function answerOf(leaders: readonly number[]): unknown {
  const partitions = leaders.map((leaderId, partitionIndex) => ({ partitionIndex, leaderId }));
  const leaderless = leaders.flatMap((leader, i) =>
    leader < 0 ? [[`/topics/0/partitions/${i}`, [LEADER_NOT_AVAILABLE, null]]] : [],
  );
  if (leaderless.length > 0) {
    const answer = { brokers: BROKERS, topics: [{ name: 't', isInternal: false, partitions }] };
    throw new ResponseError(METADATA, 12, Object.fromEntries(leaderless), answer);
  }
  return {
    brokers: new Map(BROKERS.map((broker) => [broker.nodeId, broker])),
    topics: new Map([['t', { partitions: leaders.map((leader) => ({ leader })), partitionsCount: leaders.length }]]),
  };
}

function lab(addresses = ['broker:1']) {
  const first = firstBroker(addresses);
  /** The ports of those that were asked. */
  const asked: number[] = [];
  const state: { answer: () => unknown } = { answer: () => answerOf([1, 2]) };
  const metadata = async (): Promise<unknown> => {
    asked.push(first.current().port);
    return state.answer();
  };
  const leaders = kafkaLeaders({ metadata: metadata as Producer['metadata'] }, first);
  const known = () => [0, 1].map((partition) => leaders.leader('t', partition));
  return { leaders, asked, state, known };
}

test('a partition that nobody leads leaves the others known', async () => {
  const { leaders, state, known } = lab();
  state.answer = () => answerOf([-1, 2]);
  expect(await leaders.partitions('t')).toBe(2);
  expect([known(), leaders.broker(2)]).toEqual([[undefined, 2], BROKERS[1]]);
});

test('what is known holds while nobody answers, and is forgotten with its topic', async () => {
  const { leaders, state, known } = lab();
  await leaders.partitions('t');
  state.answer = () => {
    throw new NetworkError('nobody answers');
  };
  leaders.doubt(['t']);
  await settle();
  await expect(leaders.partitions('t')).rejects.toThrow('nobody answers');
  expect(known()).toEqual([1, 2]);
  state.answer = () => {
    throw new UserError('Unknown topic t.');
  };
  expect(await leaders.partitions('t')).toBeUndefined();
  expect(known()).toEqual([undefined, undefined]);
});

test('what is in doubt is asked once at a time', async () => {
  const { leaders, asked, state, known } = lab();
  await leaders.partitions('t');
  let answer: (answer: unknown) => void = () => undefined;
  state.answer = () => new Promise((resolve) => (answer = resolve));
  leaders.doubt(['t']);
  leaders.doubt(['t']);
  expect([asked, known()]).toEqual([
    [1, 1],
    [1, 2],
  ]);
  answer(answerOf([2, 1]));
  await settle();
  leaders.doubt(['t']);
  expect([asked, known()]).toEqual([
    [1, 1, 1],
    [2, 1],
  ]);
});

test('whoever does not answer is asked no more: the next one is, at once', async () => {
  const { leaders, asked, state, known } = lab(['broker:1', 'broker:2', 'broker:3']);
  const wanted = [new NetworkError('no answer'), new NetworkError('no answer')];
  state.answer = () => {
    const error = wanted.pop();
    if (error !== undefined) throw error;
    return answerOf([2, 1]);
  };
  leaders.doubt(['t', 't']);
  await settle();
  expect([asked, known()]).toEqual([
    [1, 1, 2, 2],
    [2, 1],
  ]);
});
