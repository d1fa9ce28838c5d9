/** What one run of a shard may use of a host that counts requests and cuts long runs off. */
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';

export interface RunBudget {
  begin(nowMs: number): void;
  /** Told of each request that leaves. */
  spent(): void;
  /** Whether one more part of the log may be read; what follows from it has to have its share, too. */
  mayRead(): boolean;
}

export function runBudget(clock: Clock): RunBudget {
  let untilMs = 0;
  let requests = 0;
  return {
    begin(nowMs) {
      untilMs = nowMs + LIMITS.fedReadMs;
      requests = 0;
    },
    spent() {
      requests += 1;
    },
    mayRead: () => clock.nowMs() < untilMs && requests < LIMITS.fedRequestsMax,
  };
}
