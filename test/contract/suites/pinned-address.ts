/** What sockets do with names: one look-up, all its addresses checked, the checked one connected to, and the certificate held to the name. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeOutbound } from '../../../src/adapters/node/outbound.ts';
import { targetGuard } from '../../../src/alerts/target-guard.ts';
import type { PostOutcome, TargetPolicy } from '../../../src/ports/outbound.ts';
import { type HttpReceiver, httpReceiver } from '../../system/notify-receivers.ts';
import { testCertificate } from '../../system/test-certificate.ts';

export function describePinnedAddress(host: string): void {
  describe(`names on ${host}`, () => {
    const tls = testCertificate('hooks.test');
    let receiver: HttpReceiver;
    beforeAll(async () => {
      receiver = await httpReceiver(tls);
    });
    afterAll(() => receiver.close());

    /** Names are resolved by what the test says; only loopback is ever reached. */
    const post = async (
      name: string,
      answers: readonly (readonly string[])[],
      policy = targetGuard({ allowTargets: [name] }),
    ) => {
      const asked: string[] = [];
      const resolve = async (asking: string): Promise<readonly string[]> => {
        asked.push(asking);
        return answers[Math.min(asked.length, answers.length) - 1] ?? [];
      };
      const outcome: PostOutcome = await nodeOutbound({ resolve, ca: tls.cert }).post({
        url: `https://${name}:${receiver.port}/hook`,
        headers: {},
        body: '{}',
        timeoutMs: 10_000,
        answerBytesMax: 1_000,
        policy,
      });
      return { outcome, asked };
    };

    test('a name is looked up once, and its certificate has to be for it', async () => {
      const { outcome, asked } = await post('hooks.test', [['127.0.0.1'], ['203.0.113.1']]);
      expect(outcome).toMatchObject({ kind: 'answered', status: 200 });
      expect(asked).toEqual(['hooks.test']);
      expect(receiver.posts.at(-1)?.headers.host).toBe(`hooks.test:${receiver.port}`);
      const { outcome: wrong } = await post('other.test', [['127.0.0.1']]);
      expect(wrong).toEqual({ kind: 'failed', reason: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    });

    test('a name that leads to loopback is not followed there', async () => {
      const before = receiver.posts.length;
      const guard = targetGuard({ allowTargets: [] });
      const named = targetGuard({ allowTargets: ['hooks.test'] });
      // As the guard, but for the port of the test.
      const policy: TargetPolicy = { ...guard, target: (url) => ({ ...named.target(url), allowed: false }) };
      const { outcome } = await post('hooks.test', [['127.0.0.1']], policy);
      expect(outcome).toEqual({ kind: 'denied', reason: 'the address is loopback, not public' });
      const { outcome: mixed } = await post('hooks.test', [['203.0.113.9', '127.0.0.1']], policy);
      expect(mixed.kind).toBe('denied');
      expect(receiver.posts.length).toBe(before);
    });

    test('a name without an address, and one that cannot be resolved, say so', async () => {
      const { outcome } = await post('hooks.test', [[]]);
      expect(outcome).toEqual({ kind: 'denied', reason: 'the name has no address' });
      const failing = nodeOutbound({ resolve: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) });
      const asked = { url: 'https://hooks.test/', headers: {}, body: '', timeoutMs: 10_000, answerBytesMax: 1 };
      expect(await failing.post({ ...asked, policy: targetGuard({ allowTargets: [] }) })).toEqual({
        kind: 'failed',
        reason: 'the name cannot be resolved (ENOTFOUND)',
      });
    });
  });
}
