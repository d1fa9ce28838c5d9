/** Whether the gateway can do its work now: what stands behind it answers. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import { errorAnswer } from './answers.ts';

export interface Readiness {
  /** 200, or 503 with what does not answer. Asked often it asks seldom. */
  answer(): Promise<Response>;
  /** From now on the answer is 503, so that balancers send nothing more. */
  stop(): void;
}

/** @param checks by the name of what stands behind; each rejects when it cannot be reached. */
export function readiness(clock: Clock, checks: Readonly<Record<string, () => Promise<unknown>>>): Readiness {
  let isStopped = false;
  let atMs = Number.NEGATIVE_INFINITY;
  let last: Promise<string | undefined> = Promise.resolve(undefined);

  const missing = async (): Promise<string | undefined> => {
    const names = Object.keys(checks);
    const settled = await Promise.allSettled(Object.values(checks).map((check) => check()));
    return names.find((_, i) => settled[i]?.status === 'rejected');
  };

  return {
    async answer() {
      if (isStopped) return unready('The gateway is stopping.');
      if (Math.abs(clock.nowMs() - atMs) >= LIMITS.gatewayReadyAgeMs) {
        atMs = clock.nowMs();
        last = missing();
      }
      const name = await last;
      return name === undefined ? Response.json({ status: 'ready' }) : unready(`${name} cannot be reached.`);
    },
    stop() {
      isStopped = true;
    },
  };
}

function unready(detail: string): Response {
  return errorAnswer(new MetricStreamError('unavailable', detail, { retryAfterMs: LIMITS.retryMs }), 'kafka');
}
