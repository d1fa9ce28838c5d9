/** Redis behind Upstash's REST API as a rate-limiter: one sliding window a client, counted for all edges together. */
import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from '@upstash/redis/cloudflare';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RateLimiter } from '../../ports/rate-limiter.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

export interface UpstashRateLimiterOptions {
  readonly url: string;
  /** It goes into a header and into no text. */
  readonly token: string;
  /** Before the names of keys in Redis. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Whether calls that come together share a request: not where each request has a life of its own, as in workerd. */
  readonly pipelined: boolean;
  /** After it an answer is not waited for; left out: limiterTimeoutMs. */
  readonly timeoutMs?: number | undefined;
}

/** A limit, and until when the clients that are over it are not asked about, by client. */
interface Limit {
  readonly ratelimit: Ratelimit;
  readonly blocked: Map<string, number>;
}

const WINDOW = `${LIMITS.limitWindowMs} ms` as const;

export function upstashRateLimiter(options: UpstashRateLimiterOptions): RateLimiter {
  const { clock, telemetry, prefix, timeoutMs = LIMITS.limiterTimeoutMs } = options;
  const redis = openRedis(options, timeoutMs);
  const limits = new Map<number, Limit>();
  let calls = 0;
  let told = Number.NEGATIVE_INFINITY;

  const limitOf = (requestsPerSecond: number): Limit => {
    const known = limits.get(requestsPerSecond);
    if (known !== undefined) {
      if (known.blocked.size > LIMITS.limiterBlockedMax) known.blocked.clear();
      return known;
    }
    // All that is lost with them is who was over a limit within the last second.
    if (limits.size >= LIMITS.limiterLimitsMax) limits.clear();
    const blocked = new Map<string, number>();
    const limiter = Ratelimit.slidingWindow(requestsPerSecond, WINDOW);
    const ratelimit = new Ratelimit({ redis, limiter, prefix: `${prefix}limit`, timeout: timeoutMs, ephemeralCache: blocked });
    const made = { ratelimit, blocked };
    limits.set(requestsPerSecond, made);
    return made;
  };

  /** The edge's own limit has been kept: nobody is unlimited. */
  const degraded = (why: string, error?: unknown): number => {
    telemetry.count('metricstream_limiter_degraded_total');
    const nowMs = clock.nowMs();
    if (Math.abs(nowMs - told) >= LIMITS.limiterTellMs) {
      told = nowMs;
      telemetry.log('warn', `the shared rate limit ${why}: each edge counts by itself`, { error: nameOf(error) });
    }
    return 0;
  };

  return {
    async take(clientKey, requestsPerSecond) {
      if (calls >= LIMITS.limiterCallsMax) return degraded('is asked by too many at once');
      calls += 1;
      try {
        const { success, reset, reason } = await limitOf(requestsPerSecond).ratelimit.limit(clientKey);
        if (reason === 'timeout') return degraded('does not answer in time');
        return success ? 0 : Math.max(1, Math.min(reset - clock.nowMs(), LIMITS.limitWindowMs));
      } catch (error) {
        return degraded('cannot be asked', error);
      } finally {
        calls -= 1;
      }
    },
  };
}

function openRedis({ url, token, pipelined, clock }: UpstashRateLimiterOptions, timeoutMs: number): Redis {
  return new Redis({
    url,
    token,
    enableTelemetry: false,
    enableAutoPipelining: pipelined,
    // A request that fails is the next one's to try: an answer that comes late is no answer.
    retry: { retries: 0 },
    // Numbers are all that comes back.
    responseEncoding: false,
    // There is no other way to end a request that hangs.
    signal: () => {
      const abort = new AbortController();
      clock.schedule(timeoutMs, () => abort.abort());
      return abort.signal;
    },
  });
}

/** What the client says repeats the command, with the name of a client in it. */
function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined;
}
