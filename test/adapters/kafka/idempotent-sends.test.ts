/** What is confirmed is in the log once, whatever answers are lost, whoever leads and whatever is refused: against brokers that keep Kafka's rules. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import { settle } from '../../agent/manual-clock.ts';
import { CODES, type ModelRequest } from './model-brokers.ts';
import { producerLab as lab, TIMEOUT_MS } from './producer-lab.ts';

const numbersOf = ({ sent }: ModelRequest) => sent.map(({ epoch, sequence }) => [epoch, sequence]);

describe('a batch whose answer is lost', () => {
  test.each([
    ['was kept', true],
    ['was not kept', false],
  ])('and which %s is sent again under its numbers, and kept once', async (_, isKept) => {
    const { clock, brokers, answers, add, retry, last } = lab();
    for (const text of ['a', 'b']) add(text);
    await clock.advance(0);
    if (isKept) last().keep();
    last().lose();
    add('c');
    await retry();
    expect(last().sent).toEqual(brokers.requests[0]?.sent);
    last().answer();
    await settle();
    last().answer();
    await settle();
    expect([brokers.logs[0], answers]).toEqual([
      ['a', 'b', 'c'],
      [0, 1, 2],
    ]);
    expect(brokers.doubted).toEqual(['t']);
  });

  test('is known to the new leader, too', async () => {
    const { clock, brokers, answers, add, retry, last } = lab();
    add('a');
    await clock.advance(0);
    last().keep();
    brokers.leaders[0] = 2;
    last().lose();
    await retry();
    expect(last().broker).toBe(2);
    last().answer();
    await settle();
    expect([brokers.logs[0], answers]).toEqual([['a'], [0]]);
  });

  test('and which nobody waits for any more takes its numbers with it: it is not kept behind what comes after it', async () => {
    const { clock, brokers, answers, add, last } = lab();
    add('old');
    await clock.advance(0);
    const old = last();
    await clock.advance(TIMEOUT_MS * 1.25);
    old.lose();
    add('new');
    await clock.advance(0);
    expect(numbersOf(last())).toEqual([[1, 0]]);
    last().answer();
    old.keep();
    await settle();
    expect([brokers.logs[0], answers]).toEqual([['new'], ['unavailable', 0]]);
  });
});

describe('of a request for several partitions', () => {
  test('what is kept is confirmed at once, and what is not goes again in its order', async () => {
    const { clock, brokers, answers, add, retry, last } = lab();
    for (const partition of [0, 1, 2]) add(`a${partition}`, partition);
    await clock.advance(0);
    for (const partition of [0, 1, 2]) add(`b${partition}`, partition);
    last().answer({ 1: CODES.notEnoughReplicas });
    await settle();
    expect(answers).toEqual([0, undefined, 0, undefined, undefined, undefined]);
    last().answer();
    await retry();
    expect(last().sent).toMatchObject([{ partition: 1, texts: ['a1'], sequence: 0 }]);
    last().answer();
    await settle();
    expect(last().sent).toMatchObject([{ partition: 1, texts: ['b1'], sequence: 1 }]);
    last().answer();
    await settle();
    expect(answers).toEqual([0, 0, 0, 1, 1, 1]);
    expect(brokers.logs).toEqual([
      ['a0', 'b0'],
      ['a1', 'b1'],
      ['a2', 'b2'],
    ]);
  });

  test('those whose leader has changed go to the new ones, as they were', async () => {
    const { clock, brokers, answers, add, retry } = lab([1, 1, 1, 1]);
    for (const partition of [0, 1, 2, 3]) add(`a${partition}`, partition);
    await clock.advance(0);
    brokers.leaders = [1, 2, 3, 2];
    brokers.requests[0]?.answer();
    await retry();
    expect(brokers.requests.slice(1).map(({ broker, sent }) => [broker, sent.map(({ partition }) => partition)])).toEqual([
      [2, [1, 3]],
      [3, [2]],
    ]);
    for (const request of brokers.requests.slice(1)) request.answer();
    await settle();
    expect([answers, brokers.logs]).toEqual([
      [0, 0, 0, 0],
      [['a0'], ['a1'], ['a2'], ['a3']],
    ]);
    expect(brokers.doubted).toEqual(['t']);
  });

  test('one that holds a record that is refused costs the others nothing, and the rest of it is kept', async () => {
    const { clock, brokers, answers, add, last } = lab();
    for (const text of ['a', 'b', 'BAD', 'c']) add(text, 1);
    add('good', 0);
    await clock.advance(0);
    add('behind', 1);
    for (let i = 0; i < brokers.requests.length; i++) {
      brokers.requests[i]?.answer();
      await settle();
    }
    expect(answers).toEqual([0, 1, 'invalid_request', 2, 0, 3]);
    expect(brokers.logs.slice(0, 2)).toEqual([['good'], ['a', 'b', 'c', 'behind']]);
    expect(last().sent).toMatchObject([{ texts: ['behind'] }]);
  });
});

describe('what a broker says', () => {
  test.each([
    ['that it has not written a batch', (one: ModelRequest) => one.answer({ 0: CODES.notLeader }), 'invalid_request'],
    ['nothing, since it got nothing,', (one: ModelRequest) => one.lose('unsent'), 'invalid_request'],
    ['nothing', (one: ModelRequest) => one.lose(), 'unavailable'],
    [
      'that too few replicas have a batch',
      (one: ModelRequest) => one.answer({ 0: CODES.notEnoughReplicasAfterAppend }),
      'unavailable',
    ],
  ])('%s, and then a refusal: only what no broker can have is told as refused', async (_, fail, expected) => {
    const { clock, brokers, answers, add, retry, last } = lab();
    add('BAD');
    await clock.advance(0);
    fail(last());
    await retry();
    last().answer();
    await settle();
    add('next');
    await clock.advance(0);
    last().answer();
    await settle();
    expect([answers, brokers.logs[0]]).toEqual([[expected, 0], ['next']]);
  });

  test('for good ends a batch, and what comes behind it is kept under later numbers', async () => {
    const { clock, brokers, answers, add, last } = lab();
    add('a');
    await clock.advance(0);
    last().answer({ 0: CODES.unauthorized });
    await settle();
    add('b');
    await clock.advance(0);
    expect(numbersOf(last())).toEqual([[1, 0]]);
    last().answer();
    await settle();
    expect([answers, brokers.logs[0]]).toEqual([['unavailable', 0], ['b']]);
  });

  test.each([
    ['has not been sent before goes again', undefined, [1, 1]],
    ['may have been kept is given up', CODES.timedOut, ['unavailable', 1]],
  ])(
    'of numbers that it does not know: a batch that %s under a new producer id, and the other partitions keep theirs',
    async (_, before, expected) => {
      const { clock, brokers, answers, add, retry, last } = lab();
      add('kept', 0);
      add('kept', 1);
      await clock.advance(0);
      last().answer();
      await settle();
      answers.length = 0;
      add('a', 0);
      add('b', 1);
      await clock.advance(0);
      last().answer({ 0: before ?? CODES.outOfOrder });
      await retry();
      if (before !== undefined) last().answer({ 0: CODES.outOfOrder });
      await retry();
      add('c', 0);
      add('d', 1);
      for (let i = 3; i <= brokers.requests.length; i++) {
        last().answer();
        await clock.advance(0);
      }
      const ids = brokers.requests.flatMap(({ sent }) => sent.map(({ partition, producerId }) => `${partition}: ${producerId}`));
      expect(new Set(ids)).toEqual(new Set(['0: 1001', '1: 1001', '0: 1002']));
      expect(answers.slice(0, 2)).toEqual(expected);
      expect(brokers.logs[1]).toEqual(['kept', 'b', 'd']);
    },
  );
});

test('epochs that are used up are followed by those of a new producer id', async () => {
  const { clock, brokers, answers, add, last } = lab();
  brokers.firstEpoch = 32_766;
  for (const text of ['BAD', 'BAD', 'good']) {
    add(text);
    await clock.advance(0);
    last().answer();
    await settle();
  }
  expect([answers, brokers.logs[0]]).toEqual([['invalid_request', 'invalid_request', 0], ['good']]);
  expect(brokers.requests.map(({ sent }) => [sent[0]?.producerId, sent[0]?.epoch])).toEqual([
    [1_001n, 32_766],
    [1_001n, 32_767],
    [1_002n, 32_766],
  ]);
});

describe('a partition', () => {
  test('that nobody leads waits for a leader', async () => {
    const { clock, brokers, answers, add, retry } = lab();
    brokers.leaders[0] = undefined;
    add('a');
    await clock.advance(1_000);
    expect(brokers.requests).toEqual([]);
    brokers.leaders[0] = 2;
    await retry();
    brokers.requests[0]?.answer();
    await settle();
    expect(answers).toEqual([0]);
  });

  test('whose topic has been deleted is unavailable at once', async () => {
    const { clock, brokers, answers, add } = lab();
    add('a');
    await clock.advance(0);
    brokers.requests[0]?.answer();
    brokers.hasTopic = false;
    brokers.leaders = [];
    add('b');
    await clock.advance(0);
    expect(answers).toEqual([0, 'unavailable']);
  });
});

/** What becomes of a request, or moves a leader. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'answer', codes: {} } as const) },
  fc.record({
    kind: fc.constant('answer' as const),
    codes: fc.dictionary(fc.constantFrom('0', '1', '2'), fc.constantFrom(3, 6, 19)),
  }),
  fc.record({ kind: fc.constantFrom('lose' as const, 'keepAndLose' as const, 'loseAndKeep' as const, 'unsent' as const) }),
  fc.record({
    kind: fc.constantFrom('lead' as const, 'stall' as const),
    partition: fc.nat(2),
    broker: fc.integer({ min: 1, max: 3 }),
  }),
  fc.constant({ kind: 'keep' } as const),
  fc.record({ kind: fc.constant('add' as const), partition: fc.nat(2), isBad: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 250, 4_000, 13_000) }),
);

test('whatever happens, what is confirmed stands where it was said, once and in order; what is refused nowhere; all else at most once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(), async (steps, which) => {
      const { clock, brokers, answers, add } = lab([1, 1, 2]);
      const open = new Set<ModelRequest>();
      const late: ModelRequest[] = [];
      let seen = 0;
      const texts: { readonly text: string; readonly partition: number }[] = [];
      const addOne = (partition: number, isBad: boolean): void => {
        const text = `${isBad ? 'BAD ' : ''}${texts.length}`;
        texts.push({ text, partition });
        add(text, partition);
      };
      const takeNew = (): void => {
        for (; seen < brokers.requests.length; seen++) open.add(brokers.requests[seen] as ModelRequest);
      };
      for (let i = 0; i < 6; i++) addOne(i % 3, i === 4);
      await clock.advance(0);
      for (const [i, one] of steps.entries()) {
        takeNew();
        const request = [...open][(which + i) % Math.max(1, open.size)];
        if (one.kind === 'wait') await clock.advance(one.ms);
        else if (one.kind === 'lead' || one.kind === 'stall') {
          if (one.kind === 'stall') await clock.advance(LIMITS.produceStallMs);
          brokers.leaders[one.partition] = one.broker;
          if (one.kind === 'stall') await clock.advance(LIMITS.kafkaRetryDelayMs);
        } else if (one.kind === 'keep') request?.keep();
        else if (one.kind === 'add') addOne(one.partition, one.isBad);
        else if (request !== undefined) {
          open.delete(request);
          if (one.kind === 'keepAndLose') request.keep();
          if (one.kind === 'loseAndKeep') late.push(request);
          if (one.kind === 'answer') request.answer(one.codes);
          else request.lose(one.kind === 'unsent' ? 'unsent' : 'lost');
        }
        // What hung on its way arrives after all, whenever that is.
        if ((which + i) % 7 === 0) late.shift()?.keep();
        await clock.advance(0);
      }
      for (let i = 0; i < 200 && answers.includes(undefined); i++) {
        takeNew();
        for (const request of open) request.answer();
        open.clear();
        late.shift()?.keep();
        await clock.advance(250);
      }
      for (const request of late) request.keep();
      const ends = [0, 0, 0];
      for (const [i, { text, partition }] of texts.entries()) {
        const answer = answers[i];
        const places = (brokers.logs[partition] ?? []).flatMap((one, at) => (one === text ? [at] : []));
        if (typeof answer === 'number') {
          expect(places).toEqual([answer]);
          expect(answer).toBeGreaterThanOrEqual(ends[partition] ?? 0);
          ends[partition] = answer + 1;
        } else {
          expect(answer).toBe(text.startsWith('BAD') && answer !== 'unavailable' ? 'invalid_request' : 'unavailable');
          expect(places.length).toBeLessThanOrEqual(answer === 'unavailable' ? 1 : 0);
        }
      }
    }),
    { numRuns: 300 },
  );
});
