/** Canaries: a page each so often that proves a channel, so that a broken one is known before it is needed. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Channel, Notification } from '../model/incident.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { OUTBOX_KIND, outboxWrite } from './delivery-outbox.ts';
import { proofNotification } from './delivery-proof.ts';

/** id = channel, atMs = when the next is due. */
const CANARY_KIND = 'canary';

/** What the canaries of a channel have shown; for people to see. */
export interface CanaryState {
  readonly everyMs: number;
  readonly deliveredMs: number | undefined;
  /** Canaries that did not arrive before the next was due, since the last that did. */
  readonly missed: number;
  /** How the last one ended. */
  readonly detail: string;
}

export interface CanaryOptions {
  readonly store: DocumentStore;
  readonly telemetry: Telemetry;
}

const DELIVERED = { outcome: 'delivered' };
const MISSED = { outcome: 'missed' };

function countCanary(telemetry: Telemetry, ok: boolean): void {
  telemetry.count('metricstream_canaries_total', 1, ok ? DELIVERED : MISSED);
}

/** @returns undefined where the channel never had one. */
export function canaryState(store: DocumentStore, tenant: string, channel: string): CanaryState | undefined {
  const document = store.get({ tenant, kind: CANARY_KIND, id: channel });
  return document === undefined ? undefined : (JSON.parse(document.body) as CanaryState);
}

/** Puts a canary into the outbox for each channel whose time has come. @returns those put, and when the next is due. */
export function putCanaries(
  { store, telemetry }: CanaryOptions,
  channels: readonly { readonly tenant: string; readonly channel: Channel }[],
  nowMs: number,
): { readonly added: readonly Notification[]; readonly nextMs: number | undefined } {
  const added: Notification[] = [];
  let nextMs: number | undefined;
  for (const { tenant, channel } of channels) {
    if (!channel.enabled || channel.canaryEveryMs === undefined) continue;
    const everyMs = Math.max(ALERT_LIMITS.canaryEveryMsMin, channel.canaryEveryMs);
    const document = store.get({ tenant, kind: CANARY_KIND, id: channel.id });
    const state = document === undefined ? undefined : (JSON.parse(document.body) as CanaryState);
    // An interval that was changed counts from now on; a clock that was set back does not silence the canary.
    const kept = state?.everyMs === everyMs && document !== undefined && document.atMs <= nowMs + everyMs ? document.atMs : nowMs;
    let dueMs = kept;
    if (kept <= nowMs) {
      dueMs = nowMs + everyMs;
      const parent = `canary:${channel.id}`;
      const isWaiting = store.list({ tenant, kind: OUTBOX_KIND, parent, max: 1 }).length > 0;
      const notification = proofNotification('canary', tenant, channel.id, nowMs);
      const next: CanaryState = {
        everyMs,
        deliveredMs: state?.deliveredMs,
        missed: (state?.missed ?? 0) + (isWaiting ? 1 : 0),
        detail: state?.detail ?? 'none was delivered yet',
      };
      const write = { tenant, kind: CANARY_KIND, id: channel.id, atMs: dueMs, parent: '', body: JSON.stringify(next) };
      // One that still waits is not joined by another: they would all come at once when the channel works again.
      store.commit(isWaiting ? [write] : [write, outboxWrite(notification, nowMs, everyMs)]);
      if (isWaiting) countCanary(telemetry, false);
      else added.push(notification);
    }
    nextMs = Math.min(nextMs ?? dueMs, dueMs);
  }
  return { added, nextMs };
}

/** Writes down how a canary ended. */
export function recordCanary(
  { store, telemetry }: CanaryOptions,
  notification: Notification,
  ok: boolean,
  detail: string,
  nowMs: number,
): void {
  countCanary(telemetry, ok);
  const { tenant, channel } = notification;
  const document = store.get({ tenant, kind: CANARY_KIND, id: channel });
  if (document === undefined) return;
  const state = JSON.parse(document.body) as CanaryState;
  const next: CanaryState = ok
    ? { ...state, deliveredMs: nowMs, missed: 0, detail }
    : { ...state, missed: state.missed + 1, detail };
  const { kind, id, atMs, parent } = document;
  store.commit([{ tenant, kind, id, atMs, parent, body: JSON.stringify(next) }]);
}
