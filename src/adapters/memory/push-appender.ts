/** An appender that keeps pushes in memory: exact limits and repeats as the real one, durable as long as the process. */
import type { Rejection } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { clientKey } from '../../model/partition.ts';
import type { Push } from '../../model/push.ts';
import type { Clock } from '../../ports/clock.ts';
import type { AppendOutcome, PushAppender } from '../../ports/push-appender.ts';

export interface MemoryPushAppenderOptions {
  readonly clock: Clock;
  readonly seriesPerClientMax?: number;
}

export interface KeptPush {
  readonly push: Push;
  /** Places in the shape that were over the series limit: not kept. */
  readonly refused: ReadonlySet<number>;
}

export interface MemoryPushAppender extends PushAppender {
  /** What was appended, in order; repeats are not. */
  readonly kept: readonly KeptPush[];
  /** The next appends give this instead, or throw it; undefined: back to normal. */
  answerWith(answer: AppendOutcome | Error | undefined): void;
}

interface ClientState {
  /** Times of the requests admitted within the last second, Unix ms. */
  admittedMs: number[];
  readonly series: Set<string>;
  readonly pushIds: Map<string, Extract<AppendOutcome, { kind: 'appended' }>>;
}

export function memoryPushAppender(options: MemoryPushAppenderOptions): MemoryPushAppender {
  const { clock, seriesPerClientMax = LIMITS.seriesPerClientMax } = options;
  const kept: KeptPush[] = [];
  const clients = new Map<string, ClientState>();
  let answer: AppendOutcome | Error | undefined;

  const stateOf = (push: Push): ClientState => {
    const key = clientKey(push.tenant, push.client);
    const state = clients.get(key) ?? { admittedMs: [], series: new Set(), pushIds: new Map() };
    clients.set(key, state);
    return state;
  };

  const keep = (push: Push, state: ClientState): AppendOutcome => {
    const id = push.pushId === undefined ? undefined : `${push.pushId.boot}:${push.pushId.sequence}`;
    const before = id === undefined ? undefined : state.pushIds.get(id);
    if (before !== undefined) return { ...before, duplicate: true };
    const rejected: Rejection[] = [];
    push.shape.series.forEach(({ key }, index) => {
      if (state.series.has(key)) return;
      if (state.series.size < seriesPerClientMax) state.series.add(key);
      else rejected.push({ index, code: 'series_limit', message: `a client has at most ${seriesPerClientMax} series` });
    });
    const outcome = { kind: 'appended', offset: kept.length, duplicate: false, rejected } as const;
    kept.push({ push, refused: new Set(rejected.map((one) => one.index)) });
    if (id !== undefined) state.pushIds.set(id, outcome);
    return outcome;
  };

  return {
    kept,
    answerWith(next) {
      answer = next;
    },
    async append(push, requestsPerSecond) {
      if (answer instanceof Error) throw answer;
      if (answer !== undefined) return answer;
      const state = stateOf(push);
      const nowMs = clock.nowMs();
      state.admittedMs = state.admittedMs.filter((at) => at > nowMs - LIMITS.limitWindowMs);
      const oldest = state.admittedMs[0];
      if (oldest !== undefined && state.admittedMs.length >= requestsPerSecond) {
        return { kind: 'limited', retryAfterMs: oldest + LIMITS.limitWindowMs - nowMs };
      }
      state.admittedMs.push(nowMs);
      return keep(push, state);
    },
  };
}
