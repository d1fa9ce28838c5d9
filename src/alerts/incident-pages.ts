/** When an open incident pages, waits, escalates and ends. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Channel, DeliveryState, Incident } from '../model/incident.ts';
import type { OpenIncident, TrackedAlert } from './incident-state.ts';
import { namesOf, send, type Turn, tell } from './incident-turn.ts';
import { inhibitionOf } from './inhibit.ts';
import { maintenanceOf } from './maintenance.ts';
import { type CompiledRoute, channelsOf, routeById, routeOf } from './routing.ts';
import { type Hold, silenceOf } from './silences.ts';

/** Does what is due of an incident. A second call at the same time does nothing. */
export function settle(turn: Turn, open: OpenIncident): void {
  if (open.members.size === 0) {
    settleEnd(turn, open);
    return;
  }
  const { route, isNew } = currentRoute(turn, open);
  const pages = pageDueMs(turn, open, route) <= turn.nowMs;
  const escalates = escalationDueMs(turn, open, route) <= turn.nowMs;
  if (!pages && !escalates) {
    if (open.held !== undefined) release(turn, open);
    return;
  }
  if (isStill(turn, open, escalates)) return;
  const standing = standingOf(turn, open);
  if (standing.hold !== undefined) {
    hold(turn, open, standing.hold);
    looked(turn, open);
    return;
  }
  if (isNew) open.incident = { ...open.incident, route: route.id };
  if (open.held !== undefined) release(turn, open);
  if (pages) page(turn, open, route, standing.shown);
  if (escalates) escalate(turn, open, route, standing.shown);
  if (open.unrouted) looked(turn, open);
}

/**
 * Whether it would only be held again, or find no channel again: with each turn all that is open is looked at, and each alert costs as much as
 * there are silences.
 */
function isStill({ state, book, nowMs }: Turn, open: OpenIncident, escalates: boolean): boolean {
  const look = state.looks.get(open);
  if (look?.incident !== open.incident || look.book !== book(open.incident.tenant) || nowMs < look.nowMs) return false;
  if (open.held === undefined) return open.unrouted && !escalates;
  return open.held.untilMs !== undefined && nowMs < open.held.untilMs;
}

function looked({ state, book, nowMs }: Turn, open: OpenIncident): void {
  state.looks.set(open, { incident: open.incident, book: book(open.incident.tenant), nowMs });
}

/** Nothing holds it any more, or it was acknowledged meanwhile. */
function release(turn: Turn, open: OpenIncident): void {
  open.held = undefined;
  if (open.incident.notifiedMs !== undefined) open.incident = { ...open.incident, delivery: deliveryOf(open.channels) };
  turn.state.putIncident(open);
}

/** The route as it is now. One that was never paged takes that of today: it may be the one that was missing. */
function currentRoute(turn: Turn, open: OpenIncident): { readonly route: CompiledRoute; readonly isNew: boolean } {
  const { tenant, route: id } = open.incident;
  const { routes } = turn.book(tenant);
  const known = routeById(routes, id);
  if (known !== undefined && open.lastPageMs !== undefined) return { route: known, isNew: false };
  const route = routeOf(routes, leadOf(turn, open).transition);
  return { route, isNew: route.id !== id };
}

/** The alert that speaks for the others: the first in time. It has some. */
function leadOf(turn: Turn, open: OpenIncident): TrackedAlert {
  return [...turn.state.alertsOf(open.members)].reduce((a, b) => (isBefore(b, a) ? b : a));
}

function isBefore({ transition: a }: TrackedAlert, { transition: b }: TrackedAlert): boolean {
  return a.onsetMs < b.onsetMs || (a.onsetMs === b.onsetMs && a.alert < b.alert);
}

const NEVER = Number.POSITIVE_INFINITY;

/** What was planned while the clock ran ahead is due once it is set right: nobody waits much longer than is meant. */
export function plannedMs({ nowMs }: Turn, dueMs: number, waitMs: number): number {
  return dueMs > nowMs + 2 * waitMs ? nowMs : dueMs;
}

function pageDueMs(turn: Turn, open: OpenIncident, { groupWaitMs, groupIntervalMs, repeatMs }: CompiledRoute): number {
  const { lastPageMs, fresh, incident, waitUntilMs } = open;
  if (lastPageMs === undefined) return plannedMs(turn, waitUntilMs, groupWaitMs);
  const newsMs = fresh ? plannedMs(turn, lastPageMs + groupIntervalMs, groupIntervalMs) : NEVER;
  const againMs = incident.state === 'open' ? plannedMs(turn, lastPageMs + repeatMs, repeatMs) : NEVER;
  return Math.min(newsMs, againMs);
}

function escalationDueMs(turn: Turn, open: OpenIncident, { escalateAfterMs }: CompiledRoute): number {
  const { state, notifiedMs, escalations } = open.incident;
  if (escalateAfterMs === undefined || state !== 'open' || escalations >= ALERT_LIMITS.escalationsMax) return NEVER;
  const sinceMs = open.escalatedMs ?? notifiedMs ?? (open.unrouted ? open.waitUntilMs : undefined);
  return sinceMs === undefined ? NEVER : plannedMs(turn, sinceMs + escalateAfterMs, escalateAfterMs);
}

/** @returns when something is due of it next, Unix ms; Infinity where only news can change anything. */
export function incidentDueMs(turn: Turn, open: OpenIncident): number {
  if (open.members.size === 0) return quietDueMs(turn, open);
  if (open.held !== undefined) return open.held.untilMs ?? NEVER;
  const { route } = currentRoute(turn, open);
  const pageMs = open.unrouted ? NEVER : pageDueMs(turn, open, route);
  return Math.min(pageMs, escalationDueMs(turn, open, route));
}

function quietDueMs(turn: Turn, { quietUntilMs = turn.nowMs }: OpenIncident): number {
  return plannedMs(turn, quietUntilMs, ALERT_LIMITS.flapQuietMs);
}

/** Why an alert does not page now. */
function holdOf(turn: Turn, { transition }: TrackedAlert): Hold | undefined {
  const { silences, maintenances } = turn.book(transition.tenant);
  return (
    silenceOf(silences, transition, turn.nowMs) ??
    maintenanceOf(maintenances, transition, turn.nowMs) ??
    inhibitionOf(transition, (tenant, client) => turn.state.isSilent(tenant, client))
  );
}

interface Standing {
  /** Why nothing of it pages. */
  readonly hold: Hold | undefined;
  /** The incident without the alerts that are held. */
  readonly shown: Incident;
}

function standingOf(turn: Turn, open: OpenIncident): Standing {
  const held = new Set<string>();
  let first: Hold | undefined;
  for (const alert of turn.state.alertsOf(open.members)) {
    const hold = holdOf(turn, alert);
    if (hold === undefined) continue;
    held.add(alert.transition.alert);
    // That which ends first is looked at again then; of two, the order of the alerts must not tell.
    const sooner = (hold.untilMs ?? NEVER) - (first?.untilMs ?? NEVER);
    if (first === undefined || sooner < 0 || (!(sooner > 0) && hold.text < first.text)) first = hold;
  }
  const { incident } = open;
  if (held.size === open.members.size) return { hold: first, shown: incident };
  if (held.size === 0) return { hold: undefined, shown: incident };
  const alerts = incident.alerts.filter(({ alert }) => !held.has(alert));
  return { hold: undefined, shown: { ...incident, alerts, alertCount: incident.alertCount - held.size } };
}

function hold(turn: Turn, open: OpenIncident, { reason, untilMs, text }: Hold): void {
  if (open.held?.reason === reason && open.held.untilMs === untilMs) return;
  const isNews = open.held?.reason !== reason;
  open.held = { reason, untilMs };
  open.incident = { ...open.incident, delivery: reason };
  if (isNews) tell(turn, open, 'held', text);
  turn.state.putIncident(open);
}

function page(turn: Turn, open: OpenIncident, route: CompiledRoute, shown: Incident): void {
  const channels = channelsOf(route, turn.book(open.incident.tenant).channels);
  if (channels.length === 0) {
    withoutChannel(turn, open, route);
    return;
  }
  const isRepeat = open.lastPageMs !== undefined && !open.fresh;
  notify(turn, open, channels, shown);
  open.lastPageMs = turn.nowMs;
  open.fresh = false;
  open.unrouted = false;
  tell(turn, open, 'notified', `${isRepeat ? 'Told again' : 'Told'}: ${namesOf(channels)}.`);
}

function withoutChannel(turn: Turn, open: OpenIncident, route: CompiledRoute): void {
  // The page stays due: it goes out when there is a channel.
  if (open.unrouted) return;
  open.unrouted = true;
  open.incident = { ...open.incident, delivery: 'undelivered' };
  const wanted = route.types.length > 0 ? `of type ${route.types.join(' or ')}` : `of ${route.channels.join(', ')}`;
  tell(turn, open, 'undelivered', `No channel ${wanted} is set up and enabled, for ${route.id}.`);
}

/** A channel is told once that there is something, and then of news. */
function notify(turn: Turn, open: OpenIncident, channels: readonly Channel[], shown: Incident): void {
  const { nowMs } = turn;
  const known = open.channels;
  open.channels = { ...known, ...Object.fromEntries(channels.map(({ id }) => [id, 'sending' as const])) };
  const change = { notifiedMs: open.incident.notifiedMs ?? nowMs, delivery: deliveryOf(open.channels) };
  open.incident = { ...open.incident, ...change };
  const event = ({ id }: Channel) => (Object.hasOwn(known, id) ? 'update' : 'trigger');
  send(turn, open, event, channels, { ...shown, ...change });
}

/** One channel that has it is enough. */
export function deliveryOf(channels: OpenIncident['channels']): DeliveryState {
  const states = Object.values(channels);
  if (states.includes('delivered')) return 'delivered';
  return states.includes('sending') ? 'sending' : 'failed';
}

function escalate(turn: Turn, open: OpenIncident, route: CompiledRoute, shown: Incident): void {
  const { channels } = turn.book(open.incident.tenant);
  const to = channels.filter(({ id, enabled }) => enabled && route.escalateTo.includes(id));
  const escalations = open.incident.escalations + 1;
  open.incident = { ...open.incident, escalations };
  open.escalatedMs = turn.nowMs;
  if (to.length > 0) notify(turn, open, to, { ...shown, escalations });
  const whom = to.length > 0 ? namesOf(to) : 'nobody: no channel of escalateTo is enabled';
  tell(turn, open, 'escalated', `Not acknowledged; told: ${whom}.`);
}

function settleEnd(turn: Turn, open: OpenIncident): void {
  if (open.flapping && open.quietUntilMs === undefined) {
    open.quietUntilMs = turn.nowMs + ALERT_LIMITS.flapQuietMs;
    const until = new Date(open.quietUntilMs).toISOString();
    tell(turn, open, 'held', `It flaps, and is held open until ${until}, or until it was quiet for as long.`);
  }
  if (quietDueMs(turn, open) > turn.nowMs) return;
  finish(turn, open, '', open.loud ? 'All its alerts have ended.' : 'Its hosts were retired, or forgotten.');
}

/** Types of channel that keep an incident of their own open until they are told. */
const KEEPERS: readonly string[] = ['pagerduty', 'alertmanager', 'webhook'];

/** Resolves it, and tells those who know of it. @param by who resolved it; empty: its alerts ended. */
export function finish(turn: Turn, open: OpenIncident, by: string, text: string): void {
  const { incident } = open;
  const delivery = incident.delivery === 'waiting' ? 'not_needed' : incident.delivery;
  open.incident = { ...incident, state: 'resolved', resolvedMs: turn.nowMs, delivery };
  const { channels } = turn.book(incident.tenant);
  const told = channels.filter(({ id, enabled }) => enabled && Object.hasOwn(open.channels, id));
  // Hosts that were retired are no news to people.
  const to = by !== '' || open.loud ? told : told.filter(({ type }) => KEEPERS.includes(type));
  if (to.length > 0) send(turn, open, () => 'resolve', to);
  tell(turn, open, 'resolved', to.length > 0 ? `${text} Told: ${namesOf(to)}.` : text, by);
  turn.state.close(open);
}
