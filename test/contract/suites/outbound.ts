/** What a guarded POST does, against real servers that behave badly; the target is always loopback, which the operator allows here. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { targetGuard } from '../../../src/alerts/target-guard.ts';
import type { Outbound, Post, PostOutcome } from '../../../src/ports/outbound.ts';
import { type HttpReceiver, httpReceiver } from '../../system/notify-receivers.ts';

const PATIENT_MS = 10_000;
const HASTY_MS = 150;
const ANSWER_BYTES_MAX = 1_000;

export function describeOutbound(name: string, open: () => Outbound): void {
  describe(`outbound contract: ${name}`, () => {
    const outbound = open();
    const allowing = targetGuard({ allowTargets: ['127.0.0.1'] });
    let receiver: HttpReceiver;
    let other: HttpReceiver;
    beforeAll(async () => {
      receiver = await httpReceiver();
      other = await httpReceiver();
    });
    beforeEach(() => {
      receiver.posts.length = 0;
    });
    afterAll(() => Promise.all([receiver.close(), other.close()]));

    const post = (changes: Partial<Post> = {}): Promise<PostOutcome> =>
      outbound.post({
        url: `${receiver.url}/hook?a=b`,
        headers: { 'content-type': 'application/json', 'x-more': '1' },
        body: '{"ä":1}',
        timeoutMs: PATIENT_MS,
        answerBytesMax: ANSWER_BYTES_MAX,
        policy: allowing,
        ...changes,
      });

    test('what is posted arrives as it is, and the answer comes back', async () => {
      receiver.behave({ status: 503, headers: { 'retry-after': '7' }, body: 'näh' });
      expect(await post()).toEqual({ kind: 'answered', status: 503, retryAfter: '7', body: 'näh' });
      expect(receiver.posts).toMatchObject([{ path: '/hook?a=b', body: '{"ä":1}', headers: { 'x-more': '1' } }]);
      receiver.behave({ status: 204 });
      expect(await post()).toEqual({ kind: 'answered', status: 204, retryAfter: undefined, body: '' });
    });

    test('a redirect is an answer: where it points is not asked', async () => {
      receiver.behave({ status: 307, headers: { location: `${other.url}/stolen` } });
      expect(await post()).toMatchObject({ kind: 'answered', status: 307 });
      expect(other.posts).toEqual([]);
    });

    test('an answer as long as the bound is read, a longer one is none', async () => {
      receiver.behave({ status: 200, body: 'x'.repeat(ANSWER_BYTES_MAX) });
      expect(await post()).toMatchObject({ kind: 'answered', body: 'x'.repeat(ANSWER_BYTES_MAX) });
      receiver.behave({ status: 200, body: 'x'.repeat(ANSWER_BYTES_MAX + 1) });
      expect((await post()).kind).toBe('failed');
    });

    test.each(['endless', 'die', 'die-mid-answer'] as const)(
      'a receiver that does this gives no answer: %s',
      async (behaviour) => {
        receiver.behave(behaviour);
        expect((await post()).kind).toBe('failed');
      },
    );

    test.each(['hang', 'trickle'] as const)('it ends in time with a receiver that does this: %s', async (behaviour) => {
      receiver.behave(behaviour);
      expect((await post({ timeoutMs: HASTY_MS })).kind).toBe('failed');
    });

    test('nobody listening is a failure whose reason names no path', async () => {
      const gone = await httpReceiver();
      await gone.close();
      const outcome = await post({ url: `${gone.url}/secret-path` });
      expect(outcome.kind).toBe('failed');
      expect(JSON.stringify(outcome)).not.toContain('secret-path');
    });

    test('what the policy denies is not connected to', async () => {
      receiver.behave({ status: 200 });
      const outcome = await post({ policy: targetGuard({ allowTargets: [] }) });
      expect(outcome.kind).toBe('denied');
      expect(receiver.posts).toEqual([]);
    });
  });
}
