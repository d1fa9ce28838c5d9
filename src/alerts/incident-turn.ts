/** One turn of the incidents: what it knows, and what all its parts do alike. */
import type { Channel, HistoryKind, Maintenance, Notification, Silence } from '../model/incident.ts';
import type { Document, DocumentStore } from '../ports/document-store.ts';
import { notificationId } from './incident-id.ts';
import type { OpenIncident } from './incident-state.ts';
import type { IncidentStore } from './incident-store.ts';
import { type CompiledMaintenance, compileMaintenance } from './maintenance.ts';
import { type CompiledRoute, compileRoute } from './routing.ts';
import { type CompiledSilence, compileSilence } from './silences.ts';

/** What a tenant has set up, ready for use. */
export interface TenantBook {
  readonly silences: readonly CompiledSilence[];
  readonly maintenances: readonly CompiledMaintenance[];
  readonly channels: readonly Channel[];
  readonly routes: readonly CompiledRoute[];
}

export interface Turn {
  readonly state: IncidentStore;
  readonly nowMs: number;
  book(tenant: string): TenantBook;
  hostCount(tenant: string): number;
  link(tenant: string, incident: string): string | undefined;
}

/** A tenant has no more documents of a kind: the book sees to it. */
const DOCUMENTS_READ = 10_000;

/** Reads what the alert book keeps. Routes are tried in the order of their ids. */
export function readTenantBook(store: DocumentStore, tenant: string): TenantBook {
  const read = <T>(kind: string): T[] =>
    store
      .list({ tenant, kind, max: DOCUMENTS_READ })
      .sort((a: Document, b: Document) => (a.id < b.id ? -1 : 1))
      .map(({ id, body }) => ({ ...(JSON.parse(body) as T), id }));
  return {
    silences: read<Silence>('silence').map(compileSilence),
    maintenances: read<Maintenance>('maintenance').map(compileMaintenance),
    channels: read<Channel>('channel'),
    routes: read<Parameters<typeof compileRoute>[0]>('route').map(compileRoute),
  };
}

const SEQUENCE_DIGITS = 6;

/** Writes a line of an incident's history. @param by who did it; empty: nobody. */
export function tell({ state, nowMs }: Turn, open: OpenIncident, kind: HistoryKind, text: string, by = ''): void {
  const { id: incident, tenant } = open.incident;
  const id = `${incident}.${String(open.sequence++).padStart(SEQUENCE_DIGITS, '0')}`;
  state.writeHistory({ id, tenant, incident, kind, atMs: nowMs, by, text, transition: undefined });
  state.putIncident(open);
}

/** Puts a page for each channel into the outbox. @param shown the incident as it is told of. */
export function send(
  turn: Turn,
  open: OpenIncident,
  event: (channel: Channel) => Notification['event'],
  channels: readonly Channel[],
  shown = open.incident,
): void {
  const { state, nowMs } = turn;
  const { tenant, id: incident } = open.incident;
  const sequence = open.sequence++;
  for (const channel of channels) {
    state.writeNotification({
      id: notificationId(tenant, incident, sequence, channel.id),
      tenant,
      channel: channel.id,
      event: event(channel),
      dedupKey: incident,
      atMs: nowMs,
      incident: shown,
      link: turn.link(tenant, incident),
    });
  }
}

export function namesOf(channels: readonly Channel[]): string {
  return channels.map(({ id }) => id).join(', ');
}
