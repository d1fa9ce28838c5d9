/** Instances of consumer groups between requests: how long they live, when they commit, how many there may be. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import { settle } from '../agent/manual-clock.ts';
import { basic, gatewayLab } from './harness.ts';

const message = { topic: 'raw', partition: 0, offset: 4, timestampMs: 9, key: undefined, value: Buffer.from('a'), headers: [] };
const manual = { 'kafka-enable-auto-commit': 'false' };

describe('consuming', () => {
  test('waits for messages, and gives them as soon as there are some', async () => {
    const { ask, members } = gatewayLab();
    const answer = ask('/consume/g/i', { topic: 'raw', timeout: 5_000 });
    await settle();
    members[0]?.give([message]);
    expect((await answer).body).toEqual([
      { topic: 'raw', partition: 0, offset: 4, timestamp: 9, key: '', value: 'a', headers: [] },
    ]);
  });

  test('goes on with the same member for the same group and instance, and with a new one for other topics', async () => {
    const { ask, members } = gatewayLab();
    await ask('/consume/g/i', { topic: 'raw', timeout: 0 });
    await ask('/consume/g/i', { topics: ['raw'], timeout: 0 });
    expect(members.length).toBe(1);
    await ask('/consume/g/other', { topic: 'raw', timeout: 0 });
    await ask('/consume/g/i', { topics: ['raw', 'other'], timeout: 0 });
    expect(members.map(({ topics, isClosed }) => [topics, isClosed])).toEqual([
      [['raw'], true],
      [['raw'], false],
      [['other', 'raw'], false],
    ]);
  });

  test("is a credential's own: another with the same names has another member", async () => {
    const { ask, members } = gatewayLab();
    const reader = { authorization: basic('reader') };
    await ask('/consume/read-1/i', { topic: 'raw', timeout: 0 });
    await ask('/consume/read-1/i', { topic: 'raw', timeout: 0 }, reader);
    expect(members.length).toBe(2);
    const names = async (headers = {}) =>
      ((await ask('/consumers', undefined, headers)).body as { instances: unknown[] }[])[0]?.instances;
    expect(await names(reader)).toEqual([{ name: 'i', topics: [{ topic: 'raw', partitions: [0] }] }]);
    expect((await names())?.length).toBe(2);
    expect((await ask('/delete-consumer/read-1/i', null, { authorization: basic('edge') })).status).toBe(403);
    expect((await ask('/delete-consumer/read-1/i', null, reader)).body).toEqual({ result: 'Success', status: 200 });
    expect(members.map(({ isClosed }) => isClosed)).toEqual([false, true]);
    expect((await ask('/delete-consumer/read-1/i', null, reader)).status).toBe(404);
  });

  test('a second call waits for the first, and too many are told to come back', async () => {
    const { ask, members } = gatewayLab();
    const calls = Array.from({ length: LIMITS.gatewayPollsPerConsumerMax + 1 }, () =>
      ask('/consume/g/i', { topic: 'raw', timeout: 5_000 }, manual),
    );
    await settle();
    expect(members.length).toBe(1);
    expect((await calls.at(-1))?.status).toBe(429);
    for (let i = 0; i < LIMITS.gatewayPollsPerConsumerMax; i++) {
      members[0]?.give([{ ...message, offset: i }]);
      expect((await calls[i])?.body).toMatchObject([{ offset: i }]);
      await settle();
    }
  });

  test.each([
    ['kafka-enable-auto-commit', 'yes'],
    ['kafka-auto-commit-interval', 'soon'],
    ['kafka-auto-offset-reset', 'middle'],
  ])('refuses %s: %s', async (header, value) => {
    const { ask, members } = gatewayLab();
    expect((await ask('/consume/g/i', { topic: 'raw', timeout: 0 }, { [header]: value })).status).toBe(400);
    expect(members).toEqual([]);
  });
});

describe('committing', () => {
  test('happens by itself some time after messages were given, unless the client says that it does it', async () => {
    const { ask, members, clock } = gatewayLab();
    for (const instance of ['auto', 'manual']) {
      const headers = instance === 'manual' ? manual : { 'kafka-auto-commit-interval': '3000' };
      const answer = ask(`/consume/g/${instance}`, { topic: 'raw', timeout: 1 }, headers);
      await settle();
      members.at(-1)?.give([message]);
      await answer;
    }
    await clock.advance(2_999);
    expect(members.map(({ commits }) => commits.length)).toEqual([0, 0]);
    await clock.advance(1);
    expect(members.map(({ commits }) => commits)).toEqual([[undefined], []]);
    await clock.advance(10_000);
    expect(members.map(({ commits }) => commits.length)).toEqual([1, 0]);
  });

  test('takes one offset, several, or none for what was consumed last', async () => {
    const { ask, members } = gatewayLab();
    await ask('/consume/g/i', { topic: 'raw', timeout: 0 }, manual);
    const place = { topic: 'raw', partition: 1, offset: 7 };
    for (const body of [place, [place, { ...place, partition: 2 }], null]) {
      const answer = await ask('/commit/g/i', body);
      expect(answer.body).toEqual({ result: 'Success', status: 200 });
    }
    expect(members[0]?.commits).toEqual([[place], [place, { ...place, partition: 2 }], undefined]);
    expect((await ask('/commit/g/nobody', null)).status).toBe(404);
  });
});

describe('an instance', () => {
  test('that is idle for long commits what it commits by itself, and leaves', async () => {
    const { ask, members, clock } = gatewayLab();
    await ask('/consume/g/auto', { topic: 'raw', timeout: 0 });
    await clock.advance(LIMITS.gatewayConsumerIdleMs - 1);
    await ask('/consume/g/auto', { topic: 'raw', timeout: 0 });
    await clock.advance(LIMITS.gatewayConsumerIdleMs - 1);
    expect(members[0]?.isClosed).toBe(false);
    await clock.advance(1);
    expect(members[0]).toMatchObject({ isClosed: true, commits: [undefined] });
    expect((await ask('/consumers')).body).toEqual([]);
  });

  test('that is waited on is not idle', async () => {
    const { ask, members, clock } = gatewayLab();
    const answer = ask('/consume/g/i', { topic: 'raw', timeout: 1 });
    await clock.advance(LIMITS.gatewayConsumerIdleMs * 2);
    expect(members[0]?.isClosed).toBe(false);
    members[0]?.give([message]);
    expect((await answer).status).toBe(200);
  });

  test('beyond the bound is refused, until others are gone', async () => {
    const { ask, clock } = gatewayLab();
    for (let i = 0; i < LIMITS.gatewayConsumersPerCredentialMax; i++) await ask(`/consume/g/${i}`, { topic: 'raw', timeout: 0 });
    const refused = await ask('/consume/g/more', { topic: 'raw', timeout: 0 });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect((await ask('/consume/read-1/i', { topic: 'raw', timeout: 0 }, { authorization: basic('reader') })).status).toBe(200);
    await clock.advance(LIMITS.gatewayConsumerIdleMs);
    expect((await ask('/consume/g/more', { topic: 'raw', timeout: 0 })).status).toBe(200);
  });

  test('ends what waits when the gateway drains, commits and leaves', async () => {
    const { ask, gateway, members } = gatewayLab();
    const answer = ask('/consume/g/i', { topic: 'raw', timeout: 5_000 });
    await settle();
    await gateway.drain();
    expect((await answer).body).toEqual([]);
    expect(members[0]).toMatchObject({ isClosed: true, commits: [undefined] });
  });
});
