/** Incidents, their history, alerts and times of response over HTTP. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import type { HistoryEntry, Incident } from '../model/incident.ts';
import { LIMITS } from '../model/limits.ts';
import type { HistoryQuery, IncidentAction, IncidentDesk } from '../ports/alert-book.ts';
import {
  activeAlertAnswer,
  auditAnswer,
  HISTORY_CSV_HEADER,
  historyAnswer,
  historyCsvLine,
  incidentAnswer,
  incidentSummary,
  responseTimesAnswer,
} from './alert-answers.ts';
import { INCIDENT_OPERATIONS as op } from './alert-operations.ts';
import { auditQuery, historyQuery, incidentId, incidentsQuery, noteBody, responseTimesQuery } from './alert-schemas.ts';
import type { Alerting, Ask } from './alerting.ts';
import { type BodyReading, checkBody, checkQuery } from './checking.ts';
import { pathParameter } from './path-match.ts';
import type { QueryRunner } from './query-runner.ts';
import type { KeyedCall, MakeRow, Route } from './route.ts';
import { nothingAsked } from './schemas.ts';
import { tooMany } from './window-answers.ts';

export interface IncidentOptions extends BodyReading {
  readonly alerts: Alerting;
  readonly ask: Ask;
  readonly runner: QueryRunner;
  readonly row: MakeRow;
}

const CSV = 'text/csv; charset=utf-8; header=present';
const ONE = '/api/v1/incidents/{id}';

export function incidentRows(options: IncidentOptions): readonly Route[] {
  const { alerts, ask, row } = options;
  const { desk, book, trial } = alerts;
  const act = (action: string, read: (call: KeyedCall) => Promise<IncidentAction>, operation: Route['operation']): Route => {
    const path = `${ONE}/${action}`;
    return row(
      'POST',
      path,
      'admin',
      async (call) => {
        const { tenant, keyId } = call.principal;
        const id = knownIncident(pathParameter(path, call.request.url));
        const changed = await ask(desk.act(tenant, id, await read(call), keyId));
        return Response.json({ incident: incidentAnswer(found(changed)) });
      },
      operation,
    );
  };
  const reading = { ...options, bytesMax: ALERT_LIMITS.alertBodyBytesMax };

  return [
    row(
      'GET',
      '/api/v1/incidents',
      'read',
      async (call) => {
        const { state, limit, start, end } = checkQuery(call.request.url, incidentsQuery).query;
        // Those that are open are asked for whole: the oldest may be the one that was forgotten.
        const range = stretchOf(call.nowMs, start ?? 0, end);
        const max = limit ?? ALERT_LIMITS.incidentsShownDefault;
        const incidents = await ask(desk.incidents({ tenant: call.principal.tenant, state, ...range, max }));
        return Response.json({ incidents: incidents.map(incidentSummary) });
      },
      op.incidents,
    ),
    row('GET', ONE, 'read', (call) => oneIncident(call, desk, ask), op.incident),
    act('acknowledge', async () => ({ kind: 'acknowledge' }), op.acknowledge),
    act('notes', async ({ request }) => ({ kind: 'note', text: (await checkBody(request, noteBody, reading)).text }), op.note),
    act('resolve', async () => ({ kind: 'resolve' }), op.resolve),
    row(
      'GET',
      '/api/v1/alerts',
      'read',
      async ({ request, principal }) => {
        checkQuery(request.url, nothingAsked);
        const active = await ask(trial.alerts(principal.tenant));
        return Response.json({ alerts: active.map(activeAlertAnswer) });
      },
      op.alerts,
    ),
    row('GET', '/api/v1/history', 'read', historyHandler(options), op.history),
    row(
      'GET',
      '/api/v1/response-times',
      'read',
      async (call) => {
        const { by = 'rule', start, end } = checkQuery(call.request.url, responseTimesQuery).query;
        const { fromMs, toMs } = stretchOf(call.nowMs, start, end);
        const times = await ask(
          desk.responseTimes(call.principal.tenant, by as 'rule' | 'host' | `label:${string}`, fromMs, toMs),
        );
        return Response.json({ by, response_times: times.map(responseTimesAnswer) });
      },
      op.responseTimes,
    ),
    row(
      'GET',
      '/api/v1/audit',
      'admin',
      async (call) => {
        const { start, limit } = checkQuery(call.request.url, auditQuery).query;
        const { fromMs } = stretchOf(call.nowMs, start, undefined);
        const entries = await ask(book.audit(call.principal.tenant, fromMs, limit ?? ALERT_LIMITS.auditShownMax));
        return Response.json({ audit: entries.map(auditAnswer) });
      },
      op.audit,
    ),
  ];
}

/** @throws not_found */
function found(incident: Incident | undefined): Incident {
  if (incident !== undefined) return incident;
  throw new MetricStreamError('not_found', 'There is no such incident.');
}

function knownIncident(id: string): string {
  if (incidentId.safeParse(id).success) return id;
  throw new MetricStreamError('not_found', 'There is no such incident.');
}

/** Event times may lie ahead of our clock. */
function stretchOf(nowMs: number, start: number | undefined, end: number | undefined): { fromMs: number; toMs: number } {
  const toMs = end ?? nowMs + LIMITS.queryAheadMsMax;
  const fromMs = start ?? Math.max(0, toMs - ALERT_LIMITS.historyDefaultMs);
  if (fromMs <= toMs) return { fromMs, toMs };
  throw new MetricStreamError('invalid_query', 'query: start: must not be after end');
}

async function oneIncident({ request, principal, nowMs }: KeyedCall, desk: IncidentDesk, ask: Ask): Promise<Response> {
  checkQuery(request.url, nothingAsked);
  const { tenant } = principal;
  const id = knownIncident(pathParameter(ONE, request.url));
  const range = stretchOf(nowMs, 0, undefined);
  const incidents = await ask(desk.incidents({ tenant, id, state: undefined, ...range, max: 1 }));
  const incident = found(incidents.find((one) => one.id === id));
  const query = { tenant, incident: id, rule: undefined, client: undefined, ...range };
  const timeline = await ask(desk.history({ ...query, max: ALERT_LIMITS.historyShownMax }));
  return Response.json({ incident: incidentAnswer(incident), timeline: timeline.map(historyAnswer) });
}

function historyHandler({ alerts, ask, runner }: IncidentOptions): (call: KeyedCall) => Promise<Response> {
  return async ({ request, principal, nowMs }) => {
    const { rule, client, incident, start, end, format } = checkQuery(request.url, historyQuery).query;
    const range = stretchOf(nowMs, start ?? (incident === undefined ? undefined : 0), end);
    const query = { tenant: principal.tenant, rule, client, incident, ...range };
    if (format === 'csv') {
      return runner.stream(async function* (running) {
        yield HISTORY_CSV_HEADER;
        for await (const page of running.take(historyPages(alerts.desk, query))) yield page.map(historyCsvLine).join('');
      }, CSV);
    }
    const most = ALERT_LIMITS.historyShownMax;
    const entries = await ask(alerts.desk.history({ ...query, max: most + 1 }));
    if (entries.length > most) throw tooMany(entries.length, most, 'entries');
    return Response.json({ history: entries.map(historyAnswer) });
  };
}

/** All of a history in pages, each entry once: a page begins at the millisecond in which the last one ended. */
async function* historyPages(desk: IncidentDesk, query: Omit<HistoryQuery, 'max'>): AsyncGenerator<readonly HistoryEntry[]> {
  let fromMs = query.fromMs;
  let max = ALERT_LIMITS.historyPageMax;
  let told = new Set<string>();
  for (;;) {
    const page = await desk.history({ ...query, fromMs, max });
    const fresh = page.filter(({ id }) => !told.has(id));
    if (fresh.length > 0) yield fresh;
    const last = page.at(-1);
    if (last === undefined || page.length < max) return;
    if (last.atMs > fromMs) {
      max = ALERT_LIMITS.historyPageMax;
      fromMs = last.atMs;
    } else if (max < ALERT_LIMITS.historySameMsMax) {
      max *= 2;
    } else {
      throw new MetricStreamError('too_many_points', 'Too many entries have the same time.');
    }
    told = new Set(page.filter(({ atMs }) => atMs === fromMs).map(({ id }) => id));
  }
}
