/** Alerts and open incidents in memory, as the store has them; what changes is written in one commit. */
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { HistoryEntry, Incident, Notification } from '../model/incident.ts';
import type { Document, DocumentStore, DocumentWrite } from '../ports/document-store.ts';
import { outboxWrite } from './delivery-outbox.ts';
import { historyKindOf } from './history.ts';
import { alertKey, type OpenIncident, type TrackedAlert } from './incident-state.ts';
import { isHostSilent } from './inhibit.ts';

/** Of documents: an incident as it is shown; what else is known of an open one; a tracked alert. */
export const INCIDENT_KIND = 'incident';
export const OPEN_KIND = 'open';
export const ALERT_KIND = 'alert';

type StoredIncident = Omit<OpenIncident, 'incident' | 'members'>;

export class IncidentStore {
  readonly #store: DocumentStore;
  readonly #alerts = new Map<string, TrackedAlert>();
  /** Alerts of each tenant. */
  readonly #counts = new Map<string, number>();
  readonly #open = new Map<string, OpenIncident>();
  /** Open incident of a group. */
  readonly #groups = new Map<string, OpenIncident>();
  /** Alerts by the host that they say is silent. */
  readonly #silent = new Map<string, Set<string>>();
  readonly #pooled = new Set<string>();
  readonly #dismissed = new Set<string>();

  /** What an incident was, and what its tenant had set up, when it was found to wait; not stored. */
  readonly looks = new WeakMap<OpenIncident, { readonly incident: Incident; readonly book: object; readonly nowMs: number }>();

  readonly #changedAlerts = new Set<string>();
  readonly #changedIncidents = new Set<OpenIncident>();
  readonly #writes = new Map<string, DocumentWrite>();
  #notifications: Notification[] = [];

  /** Takes up what the store has. */
  constructor(store: DocumentStore) {
    this.#store = store;
    for (const { tenant, id, body } of this.#all(OPEN_KIND)) this.#takeUp(tenant, id, JSON.parse(body) as StoredIncident);
    for (const { body } of this.#all(ALERT_KIND)) this.#index(this.#housed(JSON.parse(body) as TrackedAlert));
  }

  *#all(kind: string): Iterable<Document> {
    let after: Document | undefined;
    do {
      const page = this.#store.list({ tenant: undefined, kind, max: ALERT_LIMITS.incidentPageMax, after });
      yield* page;
      after = page.at(-1);
    } while (after !== undefined);
  }

  #takeUp(tenant: string, id: string, stored: StoredIncident): void {
    const document = this.#store.get({ tenant, kind: INCIDENT_KIND, id });
    if (document === undefined) return;
    const open = { ...stored, incident: JSON.parse(document.body) as Incident, members: new Set<string>() };
    this.#open.set(id, open);
    this.#groups.set(open.key, open);
  }

  /** One that burns without an incident, as when that was so old that it was deleted, opens another at once: no page is lost. */
  #housed(alert: TrackedAlert): TrackedAlert {
    const { burning, pooledMs, dismissedUntilMs, incident } = alert;
    const waits = pooledMs !== undefined || dismissedUntilMs !== undefined;
    return !burning || waits || this.#open.has(incident) ? alert : { ...alert, dismissedUntilMs: 0 };
  }

  /** Where the alert stands among the others: all that can be said by itself. */
  #index(alert: TrackedAlert): void {
    const { transition } = alert;
    const key = alertKey(transition);
    const before = this.#alerts.get(key);
    const { burning } = alert;
    if (before !== undefined && before.incident !== alert.incident) this.#open.get(before.incident)?.members.delete(key);
    if (before === undefined) this.#count(transition.tenant, 1);
    this.#alerts.set(key, alert);
    put(this.#open.get(alert.incident)?.members, key, burning);
    put(this.#pooled, key, alert.pooledMs !== undefined);
    put(this.#dismissed, key, alert.dismissedUntilMs !== undefined);
    if (isHostSilent(transition)) this.#indexSilent(transition, key, burning);
  }

  #indexSilent({ tenant, client }: Transition, key: string, isSilent: boolean): void {
    const host = hostKey(tenant, client);
    const alerts = this.#silent.get(host) ?? new Set<string>();
    put(alerts, key, isSilent);
    if (alerts.size > 0) this.#silent.set(host, alerts);
    else this.#silent.delete(host);
  }

  /** No further alert of the tenant is held. */
  isFull(tenant: string): boolean {
    const { trackedAlertsMax, trackedAlertsPerTenantMax } = ALERT_LIMITS;
    return this.#alerts.size >= trackedAlertsMax || (this.#counts.get(tenant) ?? 0) >= trackedAlertsPerTenantMax;
  }

  #count(tenant: string, by: 1 | -1): void {
    const count = (this.#counts.get(tenant) ?? 0) + by;
    if (count > 0) this.#counts.set(tenant, count);
    else this.#counts.delete(tenant);
  }

  alert(key: string): TrackedAlert | undefined {
    return this.#alerts.get(key);
  }

  alerts(): Iterable<TrackedAlert> {
    return this.#alerts.values();
  }

  /** Those of the keys that are known. */
  *alertsOf(keys: Iterable<string>): Iterable<TrackedAlert> {
    for (const key of keys) {
      const alert = this.#alerts.get(key);
      if (alert !== undefined) yield alert;
    }
  }

  putAlert(alert: TrackedAlert): void {
    this.#index(alert);
    this.#changedAlerts.add(alertKey(alert.transition));
  }

  dropAlert({ transition }: TrackedAlert): void {
    const key = alertKey(transition);
    this.#index({ transition, burning: false, incident: '', fired: [], ...NOT_WAITING });
    this.#alerts.delete(key);
    this.#count(transition.tenant, -1);
    this.#changedAlerts.delete(key);
    const { tenant, alert: id } = transition;
    this.#write({ tenant, kind: ALERT_KIND, id, atMs: 0, parent: '', body: undefined });
  }

  /** Keys of alerts that wait for other hosts to fall silent. */
  pooled(): ReadonlySet<string> {
    return this.#pooled;
  }

  dismissed(): ReadonlySet<string> {
    return this.#dismissed;
  }

  isSilent(tenant: string, client: string): boolean {
    return this.#silent.has(hostKey(tenant, client));
  }

  /** Keys of alerts that say that a host of the tenant is silent. */
  *silentOf(tenant: string): Iterable<string> {
    for (const [host, alerts] of this.#silent) if (host.startsWith(hostKey(tenant, ''))) yield* alerts;
  }

  incidents(): Iterable<OpenIncident> {
    return this.#open.values();
  }

  incident(id: string): OpenIncident | undefined {
    return this.#open.get(id);
  }

  ofGroup(key: string): OpenIncident | undefined {
    return this.#groups.get(key);
  }

  /** New, or changed. */
  putIncident(open: OpenIncident): void {
    this.#open.set(open.incident.id, open);
    this.#groups.set(open.key, open);
    this.#changedIncidents.add(open);
  }

  /** It is resolved: what is shown of it stays. */
  close(open: OpenIncident): void {
    const { incident } = open;
    this.#open.delete(incident.id);
    if (this.#groups.get(open.key) === open) this.#groups.delete(open.key);
    this.#changedIncidents.delete(open);
    this.#write({ ...open.incident, kind: OPEN_KIND, atMs: 0, parent: '', body: undefined });
    this.putClosed(incident);
  }

  putClosed(incident: Incident): void {
    this.#write(incidentWrite(incident));
  }

  /** An incident that is shown, open or not. */
  shown(tenant: string, id: string): Incident | undefined {
    const open = this.#open.get(id);
    if (open !== undefined) return open.incident.tenant === tenant ? open.incident : undefined;
    const document = this.#store.get({ tenant, kind: INCIDENT_KIND, id });
    return document === undefined ? undefined : (JSON.parse(document.body) as Incident);
  }

  isKnown({ tenant, id, ...transition }: Transition): boolean {
    const key = { tenant, kind: historyKindOf(transition), id };
    return this.#writes.has(writeKey(key)) || this.#store.get(key) !== undefined;
  }

  /** A line of history; one of the same id is written again. */
  writeHistory(entry: HistoryEntry): void {
    const { tenant, id, atMs, incident, transition } = entry;
    const kind = transition === undefined ? 'history' : historyKindOf(transition);
    this.#write({ tenant, kind, id, atMs, parent: incident, body: JSON.stringify(entry) });
  }

  /** @returns false where there is a line of this id already. */
  writeOnce(entry: HistoryEntry): boolean {
    if (this.#store.get({ tenant: entry.tenant, kind: 'history', id: entry.id }) !== undefined) return false;
    this.writeHistory(entry);
    return true;
  }

  writeNotification(notification: Notification): void {
    this.#notifications.push(notification);
    this.#write(outboxWrite(notification, notification.atMs));
  }

  #write(write: DocumentWrite): void {
    this.#writes.set(writeKey(write), write);
  }

  /**
   * All that changed since the last one, or nothing; then this state is worth nothing any more.
   * @returns what is in the outbox now that was not before. @throws storage_full
   */
  commit(): readonly Notification[] {
    for (const open of this.#changedIncidents) {
      const { incident, members: _, ...stored } = open;
      this.#write(incidentWrite(incident));
      this.#write({ ...incidentWrite(incident), kind: OPEN_KIND, body: JSON.stringify(stored satisfies StoredIncident) });
    }
    for (const alert of this.alertsOf(this.#changedAlerts)) {
      const { tenant, alert: id, atMs } = alert.transition;
      this.#write({ tenant, kind: ALERT_KIND, id, atMs, parent: alert.incident, body: JSON.stringify(alert) });
    }
    if (this.#writes.size > 0) this.#store.commit([...this.#writes.values()]);
    this.#changedIncidents.clear();
    this.#changedAlerts.clear();
    this.#writes.clear();
    const notifications = this.#notifications;
    this.#notifications = [];
    return notifications;
  }
}

export const NOT_WAITING = { pooledMs: undefined, dismissedUntilMs: undefined } as const;

function put(set: Set<string> | undefined, key: string, isIn: boolean): void {
  if (isIn) set?.add(key);
  else set?.delete(key);
}

function hostKey(tenant: string, client: string): string {
  return `${tenant}\u0000${client}`;
}

function writeKey({ tenant, kind, id }: Pick<DocumentWrite, 'tenant' | 'kind' | 'id'>): string {
  return `${kind}\u0000${tenant}\u0000${id}`;
}

function incidentWrite(incident: Incident): DocumentWrite {
  const { tenant, id, openedMs: atMs } = incident;
  return { tenant, kind: INCIDENT_KIND, id, atMs, parent: '', body: JSON.stringify(incident) };
}
