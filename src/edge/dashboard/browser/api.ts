/** The calls of the page to the server: same origin, session cookie, errors by code. */
import type { Role } from '../../../model/access.ts';
import type { ClientAnswer, ColumnsAnswer, SampleAnswer } from '../answers.ts';
import type { Span, Step } from '../ranges.ts';
import type { Caller } from './caller.ts';

export interface WindowsRequest extends Span, Step {
  readonly metric?: string;
  readonly client?: string;
  /** Which of avg, min, max the answer has. */
  readonly fields: string;
}

export interface SamplesRequest extends Span {
  readonly client: string;
  readonly metric?: string;
}

/** Every call rejects with MetricStreamError; `unauthorized` asks for a key, `unavailable` is worth another try. */
export interface Api {
  /** @returns what the session may do. */
  signIn(key: string): Promise<Role>;
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

export function createApi({ call, clockOffsetMs }: Caller): Api {
  const read = async <T>(path: string, query: Readonly<Record<string, string | undefined>>, signal?: AbortSignal): Promise<T> => {
    const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const search = new URLSearchParams(given).toString();
    const response = await call(search ? `${path}?${search}` : path, signal ? { signal } : {});
    return response.json();
  };

  return {
    async signIn(key) {
      const headers = { authorization: `Bearer ${key}` };
      const answer: { role: Role } = await (await call('/api/v1/session', { method: 'POST', headers })).json();
      return answer.role;
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
    async samples({ client, metric, startMs, endMs }, signal) {
      const query = { client, metric, start: String(Math.floor(startMs)), end: String(Math.ceil(endMs)) };
      return (await read<{ samples: SampleAnswer[] }>('/api/v1/samples', query, signal)).samples;
    },
    async units() {
      const answer = await read<{ metrics: { name: string; unit: string }[] }>('/api/v1/metrics', {});
      return new Map(answer.metrics.map(({ name, unit }) => [name, unit]));
    },
    clockOffsetMs,
  };
}
