/** Runs queries: a bounded number at once, each for a bounded time, letting requests in between pieces of work. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { Deadlines, MakeDeadlines } from './deadlines.ts';

/** One query under way. */
export interface Query {
  /** What a reader gives, each piece within queryTimeoutMs. */
  take<T>(items: AsyncIterable<T>): AsyncIterable<T>;
  /** Waits for one thing within queryTimeoutMs. */
  wait<T>(work: Promise<T>): Promise<T>;
  /** Whether requests have waited long enough: then `await pause()`. @throws unavailable when the query's time is over. */
  due(): boolean;
  pause(): Promise<void>;
}

export interface QueryRunner {
  /** @throws overloaded when queriesConcurrentMax run already | unavailable after queryTimeoutMs */
  run<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /**
   * Answers while the query runs; its place is taken until the last byte is fetched, the client is gone, or it fetches nothing
   * for idleTimeoutMs. A failure after the first byte cuts the connection, so that a part is never taken for the whole.
   */
  stream(work: (query: Query) => AsyncIterable<string>, contentType: string): Response;
}

export function queryRunner(clock: Clock, deadlines: MakeDeadlines): QueryRunner {
  const waits = deadlines(clock, LIMITS.queryTimeoutMs);
  let running = 0;

  const enter = (): (() => void) => {
    if (running >= LIMITS.queriesConcurrentMax) {
      throw new MetricStreamError('overloaded', 'Too many queries run at once.', { retryAfterMs: LIMITS.retryMs });
    }
    running += 1;
    let left = false;
    return () => {
      if (!left) running -= 1;
      left = true;
    };
  };

  return {
    async run(work) {
      const leave = enter();
      try {
        return await work(startQuery(clock, waits));
      } finally {
        leave();
      }
    },
    stream(work, contentType) {
      const leave = enter();
      const query = startQuery(clock, waits);
      const pieces = work(query)[Symbol.asyncIterator]();
      const encoder = new TextEncoder();
      let stopIdle = (): void => {};
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          stopIdle();
          query.renew();
          try {
            const { done, value } = await pieces.next();
            if (!done) {
              controller.enqueue(encoder.encode(value));
              stopIdle = clock.schedule(LIMITS.idleTimeoutMs, () => {
                leave();
                controller.error(tookTooLong());
                pieces.return?.().catch(() => {});
              });
              return;
            }
            controller.close();
          } catch (error) {
            controller.error(error);
          }
          leave();
        },
        async cancel() {
          stopIdle();
          leave();
          await pieces.return?.();
        },
      });
      return new Response(body, { headers: { 'content-type': contentType } });
    },
  };
}

interface RenewableQuery extends Query {
  /** Starts the query's time anew: what a slow connection takes is not the query's. */
  renew(): void;
}

function startQuery(clock: Clock, waits: Deadlines): RenewableQuery {
  const startMs = clock.nowMs();
  let endMs = startMs + LIMITS.queryTimeoutMs;
  let sliceEndMs = startMs + LIMITS.querySliceMs;
  const wait = <T>(work: Promise<T>): Promise<T> => waits.within(work, tookTooLong);
  return {
    wait,
    renew() {
      const nowMs = clock.nowMs();
      endMs = Math.min(nowMs + LIMITS.queryTimeoutMs, startMs + LIMITS.streamTimeoutMs);
      sliceEndMs = nowMs + LIMITS.querySliceMs;
    },
    async *take(items) {
      const iterator = items[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { done, value } = await wait(Promise.resolve(iterator.next()));
          if (done) return;
          yield value;
        }
      } finally {
        // Not awaited: a reader that hangs in `next` would keep us here.
        Promise.resolve(iterator.return?.()).catch(() => {});
      }
    },
    due() {
      const nowMs = clock.nowMs();
      if (nowMs >= endMs) throw tookTooLong();
      return nowMs >= sliceEndMs;
    },
    async pause() {
      await new Promise<void>((resumed) => clock.schedule(0, resumed));
      sliceEndMs = clock.nowMs() + LIMITS.querySliceMs;
    },
  };
}

function tookTooLong(): MetricStreamError {
  return new MetricStreamError('unavailable', 'The query took too long; ask for less.');
}
