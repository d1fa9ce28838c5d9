/** Incidents, their history and the times of response over HTTP. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import type { HistoryEntry, Incident } from '../model/incident.ts';
import { LIMITS } from '../model/limits.ts';
import type { HistoryQuery, IncidentAction, IncidentDesk } from '../ports/alert-book.ts';
import {
  HISTORY_CSV_HEADER,
  historyAnswer,
  historyCsvLine,
  incidentAnswer,
  incidentSummary,
  responseTimesAnswer,
} from './alert-answers.ts';
import { historyQuery, incidentId, incidentsQuery, noteBody, responseTimesQuery } from './alert-schemas.ts';
import type { Ask } from './alerting.ts';
import { type BodyReading, checkBody, checkQuery } from './checking.ts';
import { pathParameter } from './path-match.ts';
import type { QueryRunner } from './query-runner.ts';
import type { Handler, KeyedCall } from './route.ts';
import { nothingAsked } from './schemas.ts';
import { tooMany } from './window-answers.ts';

export interface IncidentOptions extends BodyReading {
  readonly desk: IncidentDesk;
  readonly ask: Ask;
  readonly runner: QueryRunner;
}

const CSV = 'text/csv; charset=utf-8; header=present';
export const INCIDENT_PATH = '/api/v1/incidents/{id}';

type ResponseTimesBy = Parameters<IncidentDesk['responseTimes']>[1];

export interface IncidentHandlers {
  readonly incidents: Handler<KeyedCall>;
  readonly incident: Handler<KeyedCall>;
  readonly acknowledge: Handler<KeyedCall>;
  readonly note: Handler<KeyedCall>;
  readonly resolve: Handler<KeyedCall>;
  readonly history: Handler<KeyedCall>;
  readonly responseTimes: Handler<KeyedCall>;
}

export function incidentHandlers(options: IncidentOptions): IncidentHandlers {
  const { desk, ask } = options;
  const reading = { ...options, bytesMax: ALERT_LIMITS.alertBodyBytesMax };
  const act = async ({ request, principal }: KeyedCall, action: IncidentAction): Promise<Response> => {
    const changed = await ask(desk.act(principal.tenant, incidentOf(request), action, principal.keyId));
    return Response.json({ incident: incidentAnswer(found(changed)) });
  };

  return {
    async incidents({ request, principal, nowMs }) {
      const { state, limit, start, end } = checkQuery(request.url, incidentsQuery).query;
      // From the beginning of time: the oldest that is open may be the one that was forgotten.
      const range = stretchOf(nowMs, start ?? 0, end);
      const max = limit ?? ALERT_LIMITS.incidentsShownDefault;
      const incidents = await ask(desk.incidents({ tenant: principal.tenant, state, ...range, max }));
      return Response.json({ incidents: incidents.map(incidentSummary) });
    },
    async incident({ request, principal: { tenant }, nowMs }) {
      checkQuery(request.url, nothingAsked);
      const id = incidentOf(request);
      const range = stretchOf(nowMs, 0, undefined);
      const incidents = await ask(desk.incidents({ tenant, id, state: undefined, ...range, max: 1 }));
      const incident = found(incidents.find((one) => one.id === id));
      // Nothing of it lies before its onset, but for samples that came late: all of a long history need not be searched.
      const fromMs = Math.max(0, Math.min(incident.onsetMs, incident.openedMs) - LIMITS.sampleAgeMsMax);
      const query = { tenant, incident: id, rule: undefined, client: undefined, fromMs, toMs: range.toMs };
      const timeline = await ask(desk.history({ ...query, max: ALERT_LIMITS.historyShownMax }));
      return Response.json({ incident: incidentAnswer(incident), timeline: timeline.map(historyAnswer) });
    },
    acknowledge: (call) => act(call, { kind: 'acknowledge' }),
    note: async (call) => act(call, { kind: 'note', text: (await checkBody(call.request, noteBody, reading)).text }),
    resolve: (call) => act(call, { kind: 'resolve' }),
    history: (call) => history(call, options),
    async responseTimes({ request, principal, nowMs }) {
      const { by = 'rule', start, end } = checkQuery(request.url, responseTimesQuery).query;
      const { fromMs, toMs } = stretchOf(nowMs, start, end);
      const times = await ask(desk.responseTimes(principal.tenant, by as ResponseTimesBy, fromMs, toMs));
      return Response.json({ by, response_times: times.map(responseTimesAnswer) });
    },
  };
}

/** @throws not_found */
function found(incident: Incident | undefined): Incident {
  if (incident !== undefined) return incident;
  throw new MetricStreamError('not_found', 'There is no such incident.');
}

/** The id in the path. @throws not_found for what no incident can be called. */
function incidentOf(request: Request): string {
  const id = pathParameter(INCIDENT_PATH, request.url);
  if (incidentId.safeParse(id).success) return id;
  throw new MetricStreamError('not_found', 'There is no such incident.');
}

/** Event times may lie ahead of our clock. */
export function stretchOf(nowMs: number, start: number | undefined, end: number | undefined): { fromMs: number; toMs: number } {
  const toMs = end ?? nowMs + LIMITS.queryAheadMsMax;
  const fromMs = start ?? Math.max(0, toMs - ALERT_LIMITS.historyDefaultMs);
  if (fromMs <= toMs) return { fromMs, toMs };
  throw new MetricStreamError('invalid_query', 'query: start: must not be after end');
}

async function history(
  { request, principal, nowMs }: KeyedCall,
  { desk, ask, runner }: Pick<IncidentOptions, 'desk' | 'ask' | 'runner'>,
): Promise<Response> {
  const { rule, client, incident, start, end, format } = checkQuery(request.url, historyQuery).query;
  const range = stretchOf(nowMs, start ?? (incident === undefined ? undefined : 0), end);
  const query = { tenant: principal.tenant, rule, client, incident, ...range };
  if (format === 'csv') {
    return runner.stream(async function* (running) {
      yield HISTORY_CSV_HEADER;
      for await (const page of running.take(historyPages(desk, query))) yield page.map(historyCsvLine).join('');
    }, CSV);
  }
  const most = ALERT_LIMITS.historyShownMax;
  const entries = await ask(desk.history({ ...query, max: most + 1 }));
  if (entries.length > most) throw tooMany(entries.length, most, 'entries');
  return Response.json({ history: entries.map(historyAnswer) });
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
      told = new Set();
    } else if (max < ALERT_LIMITS.historySameMsMax) {
      max *= 2;
    } else {
      throw new MetricStreamError('too_many_points', 'Too many entries have the same time.');
    }
    for (const { id, atMs } of page) if (atMs === fromMs) told.add(id);
  }
}
