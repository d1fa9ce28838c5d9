/** The incident desk: what people ask of incidents and alerts, and what they do to them. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Incident } from '../model/incident.ts';
import type { ActiveAlert, AlertTrial, IncidentDesk } from '../ports/alert-book.ts';
import type { Document, DocumentQuery, DocumentStore } from '../ports/document-store.ts';
import { readHistory } from './history.ts';
import { hasEnded, type TrackedAlert } from './incident-state.ts';
import { ALERT_KIND, INCIDENT_KIND, OPEN_KIND } from './incident-store.ts';
import type { Incidents } from './incidents.ts';
import { responseTimesOf } from './response-times.ts';

export interface IncidentDeskOptions {
  readonly store: DocumentStore;
  readonly incidents: Incidents;
  nowMs(): number;
}

export type Desk = IncidentDesk & Pick<AlertTrial, 'alerts'>;

export function incidentDesk({ store, incidents, nowMs }: IncidentDeskOptions): Desk {
  return {
    async incidents({ tenant, id, state, fromMs, toMs, max }) {
      if (id !== undefined) return oneOf(store, tenant, id);
      // An open one reaches from when it was opened until now, however long ago that was.
      const open = state === 'resolved' ? [] : openOf(store, tenant).filter(({ openedMs }) => openedMs < toMs);
      const known = new Set(open.map(({ id }) => id));
      const found = open.filter((one) => state === undefined || state === 'active' || one.state === state);
      if (state === undefined || state === 'resolved') {
        let left = max;
        for (const incident of incidentsOf(store, tenant, fromMs, toMs)) {
          if (incident.state !== 'resolved' || known.has(incident.id)) continue;
          found.push(incident);
          if (--left <= 0) break;
        }
      }
      return found.sort((a, b) => b.openedMs - a.openedMs || (a.id < b.id ? 1 : -1)).slice(0, max);
    },
    history: async (query) => readHistory(store, query),
    act: async (tenant, incident, action, actor) => incidents.act(tenant, incident, action, actor, nowMs()),
    async responseTimes(tenant, by, fromMs, toMs) {
      const resolved = (one: Incident): boolean =>
        one.resolvedMs !== undefined && one.resolvedMs >= fromMs && one.resolvedMs < toMs;
      const all = [...incidentsOf(store, tenant, fromMs - ALERT_LIMITS.incidentSpanMs, toMs)];
      return responseTimesOf(all.filter(resolved), by);
    },
    alerts: async (tenant) => alertsOf(store, tenant),
  };
}

function oneOf(store: DocumentStore, tenant: string, id: string): Incident[] {
  const document = store.get({ tenant, kind: INCIDENT_KIND, id });
  return document === undefined ? [] : [JSON.parse(document.body) as Incident];
}

function openOf(store: DocumentStore, tenant: string): Incident[] {
  const ids = store.list({ tenant, kind: OPEN_KIND, newestFirst: true, max: ALERT_LIMITS.incidentsShownMax });
  return ids.flatMap(({ id }) => {
    const document = store.get({ tenant, kind: INCIDENT_KIND, id });
    return document === undefined ? [] : [JSON.parse(document.body) as Incident];
  });
}

/** So many at most that a question ends. */
function* pagesOf(store: DocumentStore, query: Omit<DocumentQuery, 'after'>, looksMax: number): Iterable<Document> {
  let after: Document | undefined;
  for (let looked = 0; looked < looksMax; looked += query.max) {
    const page = store.list({ ...query, newestFirst: true, after });
    yield* page;
    after = page.at(-1);
    if (page.length < query.max) return;
  }
}

/** Newest first. */
function* incidentsOf(store: DocumentStore, tenant: string, fromMs: number, toMs: number): Iterable<Incident> {
  const query = { tenant, kind: INCIDENT_KIND, fromMs, toMs, max: ALERT_LIMITS.incidentReadMax };
  for (const { body } of pagesOf(store, query, ALERT_LIMITS.incidentsScanMax)) yield JSON.parse(body) as Incident;
}

/** Those that are not over, the newest first. */
function alertsOf(store: DocumentStore, tenant: string): ActiveAlert[] {
  const found: ActiveAlert[] = [];
  const query = { tenant, kind: ALERT_KIND, max: ALERT_LIMITS.incidentPageMax };
  for (const { body } of pagesOf(store, query, ALERT_LIMITS.trackedAlertsMax)) {
    const { transition, burning, incident } = JSON.parse(body) as TrackedAlert;
    if (!hasEnded(transition.to)) found.push({ transition, incident: burning ? incident : '' });
    if (found.length >= ALERT_LIMITS.alertsShownMax) break;
  }
  return found;
}
