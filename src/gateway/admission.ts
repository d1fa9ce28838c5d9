/** How many requests, and bytes of them, are worked on at a time; and how many a credential may make. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { Credential } from './credentials.ts';

export interface Admission {
  /** @returns to be called when the request is answered. @throws rate_limited | overloaded | shutting_down */
  enter(credential: Credential, bytes: number): () => void;
  /** Requests that are worked on. */
  inFlight(): number;
  /** Lets nobody in any more. */
  close(): void;
}

interface Use {
  inFlight: number;
  /** Requests that may still be made at once, and when that was so. */
  tokens: number;
  atMs: number;
}

export function admission(clock: Clock): Admission {
  const uses = new Map<string, Use>();
  let inFlight = 0;
  let bytesInFlight = 0;
  let isClosed = false;

  const useOf = ({ name, requestsPerSecond = 0 }: Credential): Use => {
    const use = uses.get(name) ?? { inFlight: 0, tokens: requestsPerSecond, atMs: clock.nowMs() };
    uses.set(name, use);
    return use;
  };

  /** A bucket that holds a second's worth. @throws rate_limited */
  const spend = (use: Use, perSecond: number): void => {
    const nowMs = clock.nowMs();
    use.tokens = Math.min(perSecond, use.tokens + (Math.max(0, nowMs - use.atMs) * perSecond) / 1_000);
    use.atMs = nowMs;
    if (use.tokens < 1) {
      const retryAfterMs = ((1 - use.tokens) * 1_000) / perSecond;
      throw new MetricStreamError('rate_limited', `This credential may make ${perSecond} requests a second.`, { retryAfterMs });
    }
    use.tokens -= 1;
  };

  return {
    enter(credential, bytes) {
      const retryAfterMs = LIMITS.retryMs;
      if (isClosed) throw new MetricStreamError('shutting_down', undefined, { retryAfterMs });
      const use = useOf(credential);
      if (use.inFlight >= LIMITS.gatewayRequestsPerCredentialMax)
        throw new MetricStreamError('rate_limited', 'This credential has too many requests under way.', { retryAfterMs });
      if (inFlight >= LIMITS.gatewayRequestsMax || bytesInFlight + bytes > LIMITS.gatewayBodiesBytesMax)
        throw new MetricStreamError('overloaded', undefined, { retryAfterMs });
      if (credential.requestsPerSecond !== undefined) spend(use, credential.requestsPerSecond);
      use.inFlight += 1;
      inFlight += 1;
      bytesInFlight += bytes;
      return () => {
        use.inFlight -= 1;
        inFlight -= 1;
        bytesInFlight -= bytes;
      };
    },
    inFlight: () => inFlight,
    close() {
      isClosed = true;
    },
  };
}
