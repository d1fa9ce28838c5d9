/** The calls of the page to the server: same origin, session cookie, errors by code. */
import { ERRORS, type ErrorCode, MetricStreamError } from '../../../model/errors.ts';
import { LIMITS } from '../../../model/limits.ts';
import type { ClientAnswer, ColumnsAnswer, SampleAnswer } from '../answers.ts';
import type { Span, Step } from '../ranges.ts';

export interface WindowsRequest extends Span, Step {
  readonly metric?: string;
  readonly client?: string;
  /** Which of avg, min, max the answer has. */
  readonly fields: string;
}

export interface SamplesRequest extends Span {
  readonly client: string;
}

/** Every call rejects with MetricStreamError; `unauthorized` asks for a key, `unavailable` is worth another try. */
export interface Api {
  signIn(key: string): Promise<void>;
  signOut(): Promise<void>;
  /** @param client only this one, where the server can tell. */
  clients(client?: string): Promise<readonly ClientAnswer[]>;
  /** Open windows too. */
  windows(request: WindowsRequest, signal?: AbortSignal): Promise<ColumnsAnswer>;
  samples(request: SamplesRequest, signal?: AbortSignal): Promise<readonly SampleAnswer[]>;
  /** The unit of each metric that the tenant has. */
  units(): Promise<ReadonlyMap<string, string>>;
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

async function failure(response: Response): Promise<MetricStreamError> {
  const problem: { code?: unknown; detail?: unknown } = await response.json().catch(() => ({}));
  const byStatus = response.status === 401 ? 'unauthorized' : response.status === 403 ? 'forbidden' : 'unavailable';
  const code = isCode(problem.code) ? problem.code : byStatus;
  return new MetricStreamError(code, typeof problem.detail === 'string' ? problem.detail : undefined);
}

/** @param now Unix ms of this machine. */
export function createApi(fetchFrom: typeof fetch, now: () => number): Api {
  let offsetMs = 0;

  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const timeout = AbortSignal.timeout(LIMITS.queryTimeoutMs);
    const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
    const response = await fetchFrom(path, { credentials: 'same-origin', ...init, signal }).catch((cause: unknown) => {
      throw new MetricStreamError('unavailable', 'The server cannot be reached.', { cause });
    });
    const date = Date.parse(response.headers.get('date') ?? '');
    // A whole second is the finest that the header tells: a smaller difference is none.
    if (Number.isFinite(date)) offsetMs = Math.abs(date - now()) < 2_000 ? 0 : date - now();
    if (!response.ok) throw await failure(response);
    return response;
  };

  const read = async <T>(path: string, query: Readonly<Record<string, string | undefined>>, signal?: AbortSignal): Promise<T> => {
    const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const search = new URLSearchParams(given).toString();
    const response = await call(search ? `${path}?${search}` : path, signal ? { signal } : {});
    return response.json();
  };

  return {
    async signIn(key) {
      await call('/api/v1/session', { method: 'POST', headers: { authorization: `Bearer ${key}` } });
    },
    async signOut() {
      await call('/api/v1/session', { method: 'DELETE' });
    },
    async clients(client) {
      const answer = await read<{ clients: ClientAnswer[] }>('/api/v1/clients', { client });
      return client === undefined ? answer.clients : answer.clients.filter(({ client_id }) => client_id === client);
    },
    windows: ({ metric, client, fields, startMs, endMs, step, resolution }, signal) =>
      read<ColumnsAnswer>(
        '/api/v1/windows',
        {
          ...{ metric, client, fields, resolution, open: 'true', format: 'columns' },
          start: String(Math.floor(startMs)),
          end: String(Math.ceil(endMs)),
          step: step === resolution ? undefined : step,
        },
        signal,
      ),
    async samples({ client, startMs, endMs }, signal) {
      const query = { client, start: String(Math.floor(startMs)), end: String(Math.ceil(endMs)) };
      return (await read<{ samples: SampleAnswer[] }>('/api/v1/samples', query, signal)).samples;
    },
    async units() {
      const answer = await read<{ metrics: { name: string; unit: string }[] }>('/api/v1/metrics', {});
      return new Map(answer.metrics.map(({ name, unit }) => [name, unit]));
    },
    clockOffsetMs: () => offsetMs,
  };
}
