/** What a transition does to the alerts and incidents that are known. */
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { isFlapping, withFiring } from './flap.ts';
import { transitionEntry } from './history.ts';
import { incidentId } from './incident-id.ts';
import { alertKey, hasEnded, type OpenIncident, type TrackedAlert } from './incident-state.ts';
import { NOT_WAITING } from './incident-store.ts';
import { type Turn, tell } from './incident-turn.ts';
import { massTitle, newIncident, severityRank, titleOf, withAlert } from './incident-view.ts';
import { isHostSilent, SILENT_RULE } from './inhibit.ts';
import { type CompiledRoute, groupKeyOf, groupLabelsOf, routeOf } from './routing.ts';

/** Ends of which no person has to hear: the host is gone, or has not been heard of for days. */
const QUIET_ENDS: readonly (string | undefined)[] = ['retired', 'expired'];

/** Takes in one transition; one that is known is passed over. @param touched gets the incidents that it changed. */
export function takeTransition(turn: Turn, transition: Transition, touched: Set<OpenIncident>): void {
  const { state } = turn;
  if (state.isKnown(transition)) return;
  const known = state.alert(alertKey(transition));
  const incident = known?.incident ?? '';
  if (transition.amended) {
    state.writeHistory(transitionEntry(transition, incident));
    return;
  }
  const follows = known?.burning === true;
  if (transition.to === 'firing' && !follows) {
    startFiring(turn, transition, known, touched);
    return;
  }
  state.writeHistory(transitionEntry(transition, follows ? incident : ''));
  if (known === undefined && (hasEnded(transition.to) || state.isFull(transition.tenant))) return;
  const ends = hasEnded(transition.to);
  const waits = ends || known === undefined ? NOT_WAITING : waitsOf(known);
  const next: TrackedAlert = { transition, burning: follows && !ends, incident, fired: known?.fired ?? [], ...waits };
  if (ends && next.fired.length === 0) state.dropAlert(next);
  else state.putAlert(next);
  const open = follows ? state.incident(incident) : undefined;
  if (open === undefined) return;
  open.incident = withAlert(open.incident, transition, false);
  if (ends && !QUIET_ENDS.includes(transition.reason)) open.loud = true;
  touched.add(open);
}

function waitsOf({ pooledMs, dismissedUntilMs }: TrackedAlert): Pick<TrackedAlert, 'pooledMs' | 'dismissedUntilMs'> {
  return { pooledMs, dismissedUntilMs };
}

function startFiring(turn: Turn, transition: Transition, known: TrackedAlert | undefined, touched: Set<OpenIncident>): void {
  const fired = withFiring(known?.fired ?? [], transition.atMs);
  const alert = { transition, burning: true, incident: known?.incident ?? '', fired, ...NOT_WAITING };
  if (!isHostSilent(transition)) {
    join(turn, alert, groupOf(turn, transition), touched);
    return;
  }
  const { tenant, atMs } = transition;
  const mass = turn.state.ofGroup(massKey(tenant));
  const before = turn.state.incident(alert.incident);
  const follows = mass !== undefined && atMs <= mass.joinedMs + ALERT_LIMITS.massWindowMs;
  if (follows || before !== undefined) {
    const group = follows || before?.mass ? massGroup(turn, transition) : groupOf(turn, transition);
    join(turn, alert, group, touched);
    return;
  }
  turn.state.putAlert({ ...alert, incident: '', pooledMs: turn.nowMs });
  turn.state.writeHistory(transitionEntry(transition, ''));
}

/** Where an alert belongs. */
export interface Group {
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly route: CompiledRoute;
  readonly mass: boolean;
  /** What was waited for already, ms. */
  readonly waitedMs: number;
}

export function groupOf(turn: Turn, transition: Transition, waitedMs = 0): Group {
  const route = routeOf(turn.book(transition.tenant).routes, transition);
  const labels = groupLabelsOf(route, transition);
  return { key: groupKeyOf(transition.tenant, route, labels), labels, route, mass: false, waitedMs };
}

function massKey(tenant: string): string {
  return JSON.stringify([tenant, 'hosts that fell silent at once']);
}

/** @param transition of the first host: it says which route they all take. */
export function massGroup(turn: Turn, transition: Transition): Group {
  const route = routeOf(turn.book(transition.tenant).routes, transition);
  return { key: massKey(transition.tenant), labels: { rule: SILENT_RULE }, route, mass: true, waitedMs: route.groupWaitMs };
}

/** The alert fires: it joins the open incident of its group, or opens one. */
export function join(turn: Turn, alert: TrackedAlert, group: Group, touched: Set<OpenIncident>): void {
  const { state } = turn;
  const { transition } = alert;
  const before = state.ofGroup(group.key);
  if (before !== undefined && state.isFull(transition.tenant) && state.alert(alertKey(transition)) === undefined) {
    state.writeHistory(transitionEntry(transition, before.incident.id));
    return;
  }
  const open = before ?? openIncident(turn, alert, group);
  const returns = alert.incident === open.incident.id;
  state.putAlert({ ...alert, ...NOT_WAITING, incident: open.incident.id });
  state.writeHistory(transitionEntry(transition, open.incident.id));
  const rises = severityRank(transition.severity) > severityRank(open.incident.severity);
  open.incident = withAlert(open.incident, transition, !returns);
  const flaps = isFlapping(alert.fired);
  open.flapping ||= flaps;
  // One that is told of already and flaps is no news.
  if (!(returns && flaps)) open.fresh = true;
  open.joinedMs = Math.max(open.joinedMs, transition.atMs);
  open.quietUntilMs = undefined;
  touched.add(open);
  if (!rises || open.incident.state !== 'acknowledged') return;
  open.incident = { ...open.incident, state: 'open', acknowledgedMs: undefined, acknowledgedBy: undefined };
  open.escalatedMs = turn.nowMs;
  tell(turn, open, 'opened', `It became ${transition.severity} after it had been acknowledged.`);
}

function openIncident(turn: Turn, { transition, incident, dismissedUntilMs }: TrackedAlert, group: Group): OpenIncident {
  const { tenant, severity, onsetMs } = transition;
  const { route, key } = group;
  const id = incidentId(key, transition.id, dismissedUntilMs === undefined ? '' : incident);
  const open: OpenIncident = {
    incident: newIncident({
      id,
      tenant,
      groupLabels: group.labels,
      route: route.id,
      title: '',
      severity,
      delivery: 'waiting',
      onsetMs,
      openedMs: turn.nowMs,
    }),
    key,
    mass: group.mass,
    sequence: 0,
    waitUntilMs: turn.nowMs + Math.max(0, route.groupWaitMs - group.waitedMs),
    lastPageMs: undefined,
    fresh: true,
    unrouted: false,
    held: undefined,
    flapping: false,
    quietUntilMs: undefined,
    loud: false,
    escalatedMs: undefined,
    joinedMs: transition.atMs,
    channels: {},
    members: new Set(),
  };
  tell(turn, open, 'opened', `Opened by ${transition.rule} on ${transition.client}, for ${route.id}.`);
  return open;
}

/** Brings what is shown of an incident up to date, once all that happened to it is known. */
export function retitle(turn: Turn, open: OpenIncident): void {
  const { tenant, alertCount } = open.incident;
  if (open.mass) open.incident = { ...open.incident, title: massTitle(alertCount, turn.hostCount(tenant)) };
  else if (open.members.size > 0 && open.fresh) {
    const active = [...turn.state.alertsOf(open.members)].map(({ transition }) => transition);
    open.incident = { ...open.incident, title: titleOf(active) };
  }
  turn.state.putIncident(open);
}
