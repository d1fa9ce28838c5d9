/** Guarded POSTs by node:http and node:https; Bun and Deno have them too. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Outbound, Post, PostOutcome, Target } from '../../ports/outbound.ts';
import { checkedAddresses, pinnedLookup, type Resolve, systemResolve } from './checked-addresses.ts';

export interface NodeOutboundOptions {
  readonly resolve?: Resolve;
  /** Certificates of authorities, PEM, to be trusted instead of the system's. */
  readonly ca?: string;
}

export function nodeOutbound(options: NodeOutboundOptions = {}): Outbound {
  const resolve = options.resolve ?? systemResolve;

  const post = async (asked: Post, abort: AbortSignal): Promise<PostOutcome> => {
    const target = asked.policy.target(asked.url);
    if ('denied' in target) return { kind: 'denied', reason: target.denied };
    let checked: Awaited<ReturnType<typeof checkedAddresses>>;
    try {
      checked = await checkedAddresses(target, asked.policy, resolve);
    } catch (error) {
      return { kind: 'failed', reason: `the name cannot be resolved (${codeOf(error)})` };
    }
    if ('denied' in checked) return { kind: 'denied', reason: checked.denied };
    if (abort.aborted) return { kind: 'failed', reason: 'timed out' };
    return exchange(asked, target, { lookup: pinnedLookup(checked.addresses), signal: abort, ca: options.ca });
  };

  return {
    async post(asked) {
      const abort = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<PostOutcome>((end) => {
        timer = setTimeout(() => {
          end({ kind: 'failed', reason: `no whole answer within ${asked.timeoutMs} ms` });
          abort.abort();
        }, asked.timeoutMs);
      });
      try {
        // A resolver cannot be called off: it is left behind.
        return await Promise.race([late, post(asked, abort.signal)]);
      } catch (error) {
        return { kind: 'failed', reason: codeOf(error) };
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function exchange(
  asked: Post,
  target: Target,
  options: RequestOptions & { readonly ca: string | undefined },
): Promise<PostOutcome> {
  const request = target.secure ? httpsRequest : httpRequest;
  const url = new URL(target.url);
  return new Promise((end) => {
    const failed = (error: unknown): void => end({ kind: 'failed', reason: codeOf(error) });
    const outgoing = request(
      {
        ...options,
        // Without an agent no connection is used again, which an earlier look-up may have opened.
        agent: false,
        method: 'POST',
        host: target.host,
        port: target.port,
        path: `${url.pathname}${url.search}`,
        headers: { ...asked.headers, 'content-length': Buffer.byteLength(asked.body), connection: 'close' },
      },
      (answer) => readAnswer(answer, asked.answerBytesMax, end, failed),
    );
    outgoing.on('error', failed);
    outgoing.end(asked.body);
  });
}

function readAnswer(
  answer: IncomingMessage,
  bytesMax: number,
  end: (outcome: PostOutcome) => void,
  failed: (error: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes <= bytesMax) return;
    end({ kind: 'failed', reason: `the answer is longer than ${bytesMax} bytes` });
    answer.destroy();
  });
  answer.on('end', () => {
    if (!answer.complete) return end({ kind: 'failed', reason: 'the answer broke off' });
    const retryAfter = answer.headers['retry-after'];
    const body = Buffer.concat(chunks).toString('utf8');
    end({ kind: 'answered', status: answer.statusCode ?? 0, retryAfter, body });
  });
  answer.on('error', failed);
  answer.on('close', () => end({ kind: 'failed', reason: 'the answer broke off' }));
}

/** Codes only: texts of TLS errors hold names of certificates, those of others paths. */
function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'the connection failed';
}
