/** One call of the page to the server: same origin, session cookie, bounded in time, errors by code. */
import { ERRORS, type ErrorCode, MetricStreamError } from '../../../model/errors.ts';
import { LIMITS } from '../../../model/limits.ts';

export interface CallInit extends RequestInit {
  /** How long it may take; queryTimeoutMs where it is left out. */
  readonly timeoutMs?: number;
}

export interface Caller {
  /** Whatever the answer is. Rejects with `unavailable` where there is none. */
  raw(path: string, init?: CallInit): Promise<Response>;
  /** Rejects with MetricStreamError where the answer is an error. */
  call(path: string, init?: CallInit): Promise<Response>;
  /** What to add to the clock of this machine to have the server's, ms; the Date header tells it to the second. */
  clockOffsetMs(): number;
}

/** Whether the same call may succeed in a while. */
export function isRetryable(failure: unknown): boolean {
  return failure instanceof MetricStreamError && ERRORS[failure.code].retryable;
}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}

/** @param problem the body of an answer that is an error; whatever it is. */
export function errorOf(status: number, problem: { readonly code?: unknown; readonly detail?: unknown }): MetricStreamError {
  const byStatus = status === 401 ? 'unauthorized' : status === 403 ? 'forbidden' : 'unavailable';
  const code = isCode(problem.code) ? problem.code : byStatus;
  return new MetricStreamError(code, typeof problem.detail === 'string' ? problem.detail : undefined);
}

/** @param now Unix ms of this machine. */
export function createCaller(fetchFrom: typeof fetch, now: () => number): Caller {
  let offsetMs = 0;

  const raw: Caller['raw'] = async (path, { timeoutMs = LIMITS.queryTimeoutMs, ...init } = {}) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
    const response = await fetchFrom(path, { credentials: 'same-origin', ...init, signal }).catch((cause: unknown) => {
      throw new MetricStreamError('unavailable', 'The server cannot be reached.', { cause });
    });
    const date = Date.parse(response.headers.get('date') ?? '');
    // A whole second is the finest that the header tells: a smaller difference is none.
    if (Number.isFinite(date)) offsetMs = Math.abs(date - now()) < 2_000 ? 0 : date - now();
    return response;
  };

  return {
    raw,
    async call(path, init) {
      const response = await raw(path, init);
      if (!response.ok) throw errorOf(response.status, await response.json().catch(() => ({})));
      return response;
    },
    clockOffsetMs: () => offsetMs,
  };
}
