/**
 * Guarded POSTs by fetch. A Worker cannot resolve names: it checks what the URL says, and what a name resolves to is the platform's to guard.
 * Cloudflare's network has no route from a Worker to private addresses; a workerd of one's own keeps them off where its network says
 * `allow = ["public"]`, which is what it says by default.
 */
import type { Clock } from '../../ports/clock.ts';
import type { Outbound, Post, PostOutcome } from '../../ports/outbound.ts';

export interface FetchOutboundOptions {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
}

export function fetchOutbound(options: FetchOutboundOptions): Outbound {
  const exchange = async (asked: Post, url: string, signal: AbortSignal): Promise<PostOutcome> => {
    const init: RequestInit = { method: 'POST', headers: { ...asked.headers }, body: asked.body, redirect: 'manual', signal };
    const answer = await options.fetch(url, init);
    const body = await boundedText(answer, asked.answerBytesMax);
    if (body === undefined) return { kind: 'failed', reason: `the answer is longer than ${asked.answerBytesMax} bytes` };
    return { kind: 'answered', status: answer.status, retryAfter: answer.headers.get('retry-after') ?? undefined, body };
  };

  return {
    async post(asked) {
      const target = asked.policy.target(asked.url);
      if ('denied' in target) return { kind: 'denied', reason: target.denied };
      const abort = new AbortController();
      const late = Promise.withResolvers<PostOutcome>();
      const cancel = options.clock.schedule(asked.timeoutMs, () => {
        late.resolve({ kind: 'failed', reason: `no whole answer within ${asked.timeoutMs} ms` });
        abort.abort();
      });
      try {
        return await Promise.race([late.promise, exchange(asked, target.url, abort.signal)]);
      } catch {
        // What fetch says names the URL.
        return { kind: 'failed', reason: 'the connection failed' };
      } finally {
        cancel();
      }
    },
  };
}

/** @returns undefined where it is longer; then the rest is not read. @throws where it breaks off. */
async function boundedText(answer: Response, bytesMax: number): Promise<string | undefined> {
  if (answer.body === null) return '';
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  let text = '';
  let bytes = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.length;
    if (bytes > bytesMax) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}
