/** The outbox: what has to be sent, as documents, and what of it is known to be due, channel by channel. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Notification } from '../model/incident.ts';
import type { Document, DocumentKey, DocumentStore, DocumentWrite } from '../ports/document-store.ts';

/** id = notification, parent = incident, atMs = next attempt. */
export const OUTBOX_KIND = 'outbox';
/** id = notification, parent = incident, atMs = when it was given up. */
export const DEAD_LETTER_KIND = 'outbox_dead';

export interface OutboxEntry {
  readonly notification: Notification;
  /** Attempts that failed. */
  readonly attempts: number;
  /** When it came into the outbox: its deadline counts from here. */
  readonly firstMs: number;
  /** Why the last attempt failed. */
  readonly reason?: string | undefined;
  /** After firstMs; left out: as the deliverer is told. */
  readonly deadlineMs?: number | undefined;
}

/** What a writer of incidents commits together with the incident. A second write of a notification is passed over. */
export function outboxWrite(notification: Notification, nowMs: number, deadlineMs?: number): DocumentWrite {
  const entry: OutboxEntry = { notification, attempts: 0, firstMs: nowMs, deadlineMs };
  return { ...entryWrite(OUTBOX_KIND, entry, nowMs), ifAbsent: true };
}

export function entryWrite(kind: string, entry: OutboxEntry, atMs: number): DocumentWrite {
  const { id, tenant, incident } = entry.notification;
  return { tenant, kind, id, atMs, parent: incident.id, body: JSON.stringify(entry) };
}

/** @returns undefined for a body that is damaged. */
export function readEntry(document: Document): OutboxEntry | undefined {
  try {
    const entry = JSON.parse(document.body) as OutboxEntry;
    return typeof entry.notification.channel === 'string' && typeof entry.firstMs === 'number' ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** A notification that waits; its text stays in the store. */
export interface Waiting {
  readonly key: DocumentKey;
  readonly incident: string;
  dueMs: number;
  busy: boolean;
}

/** Notifications of one channel. */
export interface Lane {
  /** By incident, in the order in which they have to arrive. */
  readonly chains: Map<string, Waiting[]>;
  busy: number;
  /** The receiver asked for time until then. */
  pausedUntilMs: number;
  /** When it was served last, as a count: who waits longest comes first. */
  turn: number;
}

/**
 * What is known of the outbox: at most outboxKnownMax of it; the rest is read when there is room. Within an incident and a channel ids rise,
 * a longer one being greater: `…:9:…` before `…:10:…`.
 */
export interface Outbox {
  readonly lanes: ReadonlyMap<string, Lane>;
  size(): number;
  /** Reads the store. */
  load(): void;
  add(notification: Notification, dueMs: number): void;
  remove(waiting: Waiting): void;
  /** @returns whether nothing of its incident has to be sent before; looks into the store where not all of it is known. */
  isFirst(waiting: Waiting): boolean;
}

function laneKey(tenant: string, channel: string): string {
  return `${tenant}\u0000${channel}`;
}

function comesBefore(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}

export function outboxIndex(store: DocumentStore, knownMax: number = ALERT_LIMITS.outboxKnownMax): Outbox {
  const lanes = new Map<string, Lane>();
  const known = new Map<string, { readonly waiting: Waiting; readonly lane: string }>();
  const state = { isWhole: false };
  const idOf = ({ tenant, id }: DocumentKey): string => laneKey(tenant, id);

  const adopt = (key: DocumentKey, channel: string, incident: string, dueMs: number): void => {
    if (known.has(idOf(key))) return;
    const name = laneKey(key.tenant, channel);
    const lane: Lane = lanes.get(name) ?? { chains: new Map(), busy: 0, pausedUntilMs: 0, turn: 0 };
    const chain = lane.chains.get(incident) ?? [];
    const waiting: Waiting = { key, incident, dueMs, busy: false };
    const place = chain.findIndex((other) => comesBefore(key.id, other.key.id));
    chain.splice(place < 0 ? chain.length : place, 0, waiting);
    lane.chains.set(incident, chain);
    lanes.set(name, lane);
    known.set(idOf(key), { waiting, lane: name });
  };
  const adoptDocument = (document: Document): void => {
    const { tenant, kind, id, parent, atMs } = document;
    // A damaged one has a lane of its own, and ends when it is tried.
    adopt({ tenant, kind, id }, readEntry(document)?.notification.channel ?? '', parent, atMs);
  };
  const load = (): void => {
    let after: Document | undefined;
    while (known.size < knownMax) {
      const page = store.list({ tenant: undefined, kind: OUTBOX_KIND, after, max: ALERT_LIMITS.outboxPageMax });
      for (const document of page) adoptDocument(document);
      after = page.at(-1);
      if (page.length < ALERT_LIMITS.outboxPageMax) {
        state.isWhole = true;
        return;
      }
    }
    state.isWhole = false;
  };

  return {
    lanes,
    size: () => known.size,
    load,
    add(notification, dueMs) {
      if (known.size >= knownMax) state.isWhole = false;
      if (!state.isWhole) return;
      const { tenant, id, channel, incident } = notification;
      adopt({ tenant, kind: OUTBOX_KIND, id }, channel, incident.id, dueMs);
    },
    remove(waiting) {
      const found = known.get(idOf(waiting.key));
      const lane = lanes.get(found?.lane ?? '');
      const chain = lane?.chains.get(waiting.incident);
      if (found === undefined || lane === undefined || chain === undefined) return;
      known.delete(idOf(waiting.key));
      chain.splice(chain.indexOf(waiting), 1);
      if (chain.length === 0) lane.chains.delete(waiting.incident);
      if (lane.chains.size === 0 && lane.busy === 0) lanes.delete(found.lane);
      if (!state.isWhole && known.size <= knownMax / 2) load();
    },
    isFirst(waiting) {
      const lane = lanes.get(known.get(idOf(waiting.key))?.lane ?? '');
      if (!state.isWhole) {
        const { tenant } = waiting.key;
        const max = ALERT_LIMITS.outboxPageMax;
        for (const document of store.list({ tenant, kind: OUTBOX_KIND, parent: waiting.incident, max })) adoptDocument(document);
      }
      return lane?.chains.get(waiting.incident)?.[0] === waiting;
    },
  };
}
