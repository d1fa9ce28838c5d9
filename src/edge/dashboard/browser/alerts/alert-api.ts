/** The calls of the page to alerting. A change that was not made is an answer, not an error: who made it has to read why. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import type {
  AlertAnswer,
  BacktestAnswer,
  ChannelAnswer,
  IncidentFull,
  IncidentRow,
  MaintenanceAnswer,
  Problem,
  ResponseTimeAnswer,
  RouteAnswer,
  RuleAnswer,
  SilenceAnswer,
  TimelineEntry,
} from '../../alerts/answers.ts';
import { type Caller, errorOf } from '../caller.ts';

export type Changed<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** Somebody changed it meanwhile. 0: it is gone. */
  | { readonly kind: 'stale'; readonly version: number }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

export interface Documents {
  readonly channels: ChannelAnswer;
  readonly routes: RouteAnswer;
  readonly silences: SilenceAnswer;
  readonly maintenance: MaintenanceAnswer;
}
export type DocumentName = keyof Documents;

/** Unix ms; left out: no bound of its own. */
export interface Stretched {
  readonly startMs?: number;
  readonly endMs?: number;
}

export type IncidentAct = { readonly kind: 'acknowledge' | 'resolve' } | { readonly kind: 'notes'; readonly text: string };

/** Every call rejects with MetricStreamError. */
export interface AlertApi {
  incidents(query: Stretched & { readonly state?: 'active'; readonly limit?: number }): Promise<readonly IncidentRow[]>;
  incident(id: string): Promise<{ readonly incident: IncidentFull; readonly timeline: readonly TimelineEntry[] }>;
  act(id: string, act: IncidentAct): Promise<Changed<IncidentFull>>;
  alerts(): Promise<readonly AlertAnswer[]>;
  history(query: Stretched & { readonly rule: string; readonly host: string }): Promise<readonly TimelineEntry[]>;
  responseTimes(by: 'rule' | 'host', startMs: number): Promise<readonly ResponseTimeAnswer[]>;
  ruleFile(): Promise<{ readonly file: string; readonly version: number }>;
  rules(): Promise<{ readonly version: number; readonly rules: readonly RuleAnswer[] }>;
  checkRules(file: string): Promise<readonly Problem[]>;
  backtest(file: string, fromMs: number, toMs: number): Promise<Changed<BacktestAnswer>>;
  /** @param version that was read; 0: only where there is none. */
  putRules(file: string, version: number): Promise<Changed<{ readonly version: number }>>;
  list<N extends DocumentName>(name: N): Promise<readonly Documents[N][]>;
  create(name: DocumentName, body: object): Promise<Changed<unknown>>;
  /** @param version that was read; 0: only where there is none. */
  put(name: DocumentName, id: string, version: number, body: object): Promise<Changed<unknown>>;
  remove(name: DocumentName, id: string, version: number): Promise<Changed<unknown>>;
  testChannel(id: string): Promise<{ readonly delivered: boolean; readonly detail: string }>;
}

const JSON_BODY = { 'content-type': 'application/json' };

function conditionOf(version: number): Readonly<Record<string, string>> {
  return version === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` };
}

function pathOf(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

async function changed<T>(response: Response, toValue: (body: unknown) => T): Promise<Changed<T>> {
  if (response.ok) return { kind: 'done', value: toValue(response.status === 204 ? undefined : await response.json()) };
  const body: { code?: unknown; detail?: unknown; version?: number; problems?: Problem[] } = await response
    .json()
    .catch(() => ({}));
  if (body.code === 'stale') return { kind: 'stale', version: body.version ?? 0 };
  const error = errorOf(response.status, body);
  if (error.code !== 'invalid_body') throw error;
  return { kind: 'invalid', problems: body.problems ?? [{ line: 0, path: '', message: error.message }] };
}

export function createAlertApi({ raw, call }: Caller): AlertApi {
  const read = async <T>(path: string): Promise<T> => (await call(path)).json();
  const post = (path: string, body: object, timeoutMs?: number): Promise<Response> =>
    raw(path, {
      method: 'POST',
      headers: JSON_BODY,
      body: JSON.stringify(body),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  const documentPath = (name: DocumentName, id: string): string => `/api/v1/${name}/${encodeURIComponent(id)}`;
  const same = (body: unknown): unknown => body;

  return {
    async incidents({ state, limit, startMs, endMs }) {
      const path = pathOf('/api/v1/incidents', { state, limit, start: startMs, end: endMs });
      return (await read<{ incidents: IncidentRow[] }>(path)).incidents;
    },
    incident: (id) => read(`/api/v1/incidents/${encodeURIComponent(id)}`),
    async act(id, act) {
      const path = `/api/v1/incidents/${encodeURIComponent(id)}/${act.kind}`;
      const response = act.kind === 'notes' ? await post(path, { text: act.text }) : await raw(path, { method: 'POST' });
      return changed(response, (body) => (body as { incident: IncidentFull }).incident);
    },
    async alerts() {
      return (await read<{ alerts: AlertAnswer[] }>('/api/v1/alerts')).alerts;
    },
    async history({ rule, host, startMs, endMs }) {
      const path = pathOf('/api/v1/history', { rule, client: host, start: startMs, end: endMs });
      return (await read<{ history: TimelineEntry[] }>(path)).history;
    },
    async responseTimes(by, startMs) {
      const path = pathOf('/api/v1/response-times', { by, start: startMs });
      return (await read<{ response_times: ResponseTimeAnswer[] }>(path)).response_times;
    },
    async ruleFile() {
      return (await call('/api/v1/rules', { headers: { accept: 'application/json' } })).json();
    },
    rules: () => read('/api/v1/rules/active'),
    async checkRules(file) {
      const answer = await changed(await post('/api/v1/rules/check', { file }), (body) => body as { problems: Problem[] });
      if (answer.kind === 'stale') return [];
      return answer.kind === 'done' ? answer.value.problems : answer.problems;
    },
    async backtest(file, from, to) {
      const response = await post('/api/v1/rules/backtest', { file, from, to }, ALERT_LIMITS.backtestAnswerMs);
      return changed(response, (body) => body as BacktestAnswer);
    },
    async putRules(file, version) {
      const headers = { 'content-type': 'text/yaml', ...conditionOf(version) };
      return changed(await raw('/api/v1/rules', { method: 'PUT', headers, body: file }), (body) => body as { version: number });
    },
    async list(name) {
      const answer = await read<Readonly<Record<string, never[]>>>(`/api/v1/${name}`);
      return answer[name] ?? [];
    },
    create: async (name, body) => changed(await post(`/api/v1/${name}`, body), same),
    async put(name, id, version, body) {
      const headers = { ...JSON_BODY, ...conditionOf(version) };
      return changed(await raw(documentPath(name, id), { method: 'PUT', headers, body: JSON.stringify(body) }), same);
    },
    async remove(name, id, version) {
      return changed(await raw(documentPath(name, id), { method: 'DELETE', headers: conditionOf(version) }), same);
    },
    async testChannel(id) {
      return (await call(`${documentPath('channels', id)}/test`, { method: 'POST' })).json();
    },
  };
}
