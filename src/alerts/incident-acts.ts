/** What people and channels do to an incident. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { HistoryEntry, Incident } from '../model/incident.ts';
import { readNotificationId } from './incident-id.ts';
import { deliveryOf, finish } from './incident-pages.ts';
import type { OpenIncident } from './incident-state.ts';
import { namesOf, send, type Turn, tell } from './incident-turn.ts';
import { routeById } from './routing.ts';

export function acknowledge(turn: Turn, open: OpenIncident, actor: string): void {
  const { incident } = open;
  if (incident.state === 'acknowledged') return;
  const { nowMs } = turn;
  const delivery = incident.delivery === 'waiting' ? 'not_needed' : incident.delivery;
  open.incident = { ...incident, state: 'acknowledged', acknowledgedMs: nowMs, acknowledgedBy: actor, delivery };
  // Who acknowledges a page that is still to come knows what it would say.
  if (open.lastPageMs === undefined) {
    open.lastPageMs = nowMs;
    open.fresh = false;
    open.unrouted = false;
    open.held = undefined;
  }
  const { channels } = turn.book(incident.tenant);
  // Nobody needs a mail that says so; the others show it where the page stands.
  const told = channels.filter(({ id, type, enabled }) => enabled && type !== 'email' && Object.hasOwn(open.channels, id));
  if (told.length > 0) send(turn, open, () => 'acknowledge', told);
  tell(turn, open, 'acknowledged', told.length > 0 ? `Acknowledged. Told: ${namesOf(told)}.` : 'Acknowledged.', actor);
}

/** A resolved incident takes notes, too: what was learnt of it. Beyond the bound the oldest goes; the history has all. */
export function addNote(turn: Turn, shown: Incident, open: OpenIncident | undefined, actor: string, text: string): void {
  const note = { by: actor, atMs: turn.nowMs, text: text.slice(0, ALERT_LIMITS.noteLengthMax) };
  const notes = [...shown.notes, note].slice(-ALERT_LIMITS.notesMax);
  let length = notes.reduce((sum, one) => sum + one.text.length, 0);
  while (length > ALERT_LIMITS.notesLengthMax) length -= notes.shift()?.text.length ?? length;
  const noted = { ...shown, notes };
  if (open !== undefined) {
    open.incident = noted;
    tell(turn, open, 'note', note.text, actor);
    return;
  }
  turn.state.putClosed(noted);
  lateLine(turn, shown, `note-${turn.nowMs}-${shown.notes.length}`, 'note', note.text, actor);
}

/** What still fires opens another after repeatMs: someone may have been wrong. */
export function resolveByHand(turn: Turn, open: OpenIncident, actor: string): void {
  const { tenant, route } = open.incident;
  const repeatMs = routeById(turn.book(tenant).routes, route)?.repeatMs ?? ALERT_LIMITS.repeatMs;
  const burning = [...turn.state.alertsOf(open.members)];
  finish(turn, open, actor, 'Resolved by hand.');
  for (const alert of burning) turn.state.putAlert({ ...alert, dismissedUntilMs: turn.nowMs + repeatMs });
}

/** A line of an incident that is resolved: its numbers have ended. */
function lateLine(
  turn: Turn,
  { tenant, id }: Incident,
  name: string,
  kind: HistoryEntry['kind'],
  text: string,
  by: string,
): void {
  const line = { tenant, incident: id, kind, atMs: turn.nowMs, by, text, transition: undefined };
  turn.state.writeHistory({ ...line, id: `${id}.${name}` });
}

/** What came of a notification. Of one that no incident sent, nothing is kept here. */
export function tellDelivery(turn: Turn, notification: string, ok: boolean, detail: string): void {
  const parts = readNotificationId(notification);
  const shown = parts === undefined ? undefined : turn.state.shown(parts.tenant, parts.incident);
  if (parts === undefined || shown === undefined) return;
  const kind = ok ? 'delivered' : 'delivery_failed';
  const entry = {
    tenant: parts.tenant,
    incident: parts.incident,
    kind,
    atMs: turn.nowMs,
    by: '',
    transition: undefined,
  } as const;
  const isNew = turn.state.writeOnce({ ...entry, id: `${notification}.${kind}`, text: `${parts.channel}: ${detail}` });
  if (!isNew) return;
  const open = turn.state.incident(parts.incident);
  if (open === undefined) {
    const delivery = shown.delivery === 'sending' ? (ok ? 'delivered' : 'failed') : shown.delivery;
    turn.state.putClosed({ ...shown, delivery });
    return;
  }
  open.channels = { ...open.channels, [parts.channel]: ok ? 'delivered' : 'failed' };
  const { delivery } = shown;
  const counts = delivery === 'sending' || delivery === 'delivered' || delivery === 'failed';
  open.incident = { ...shown, delivery: counts ? deliveryOf(open.channels) : delivery };
  turn.state.putIncident(open);
}
