/** What waits outside of incidents: silent hosts for others, alerts whose incident was resolved by hand, old documents for their end. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import { groupOf, join, massGroup } from './incident-intake.ts';
import { plannedMs } from './incident-pages.ts';
import { alertKey, hasEnded, type OpenIncident, type TrackedAlert } from './incident-state.ts';
import type { Turn } from './incident-turn.ts';
import { type FallenHost, waveOf } from './mass-silence.ts';
import { routeOf } from './routing.ts';

/** Silent hosts that have waited long enough: those of a wave become one incident, the others go their ways. */
export function settlePool(turn: Turn, touched: Set<OpenIncident>): void {
  const { state, nowMs } = turn;
  const due = [...state.alertsOf(state.pooled())].filter((alert) => pooledDueMs(turn, alert) <= nowMs);
  for (const tenant of new Set(due.map(({ transition }) => transition.tenant))) {
    const wave = waveOf(fallenHosts(turn, tenant), turn.hostCount(tenant));
    const joining = wave.flatMap(({ alert }) => state.alert(alert) ?? []);
    const [first] = joining;
    if (first === undefined) continue;
    const group = massGroup(turn, first.transition);
    for (const alert of joining) join(turn, alert, group, touched);
  }
  for (const alert of due.toSorted(byTime)) {
    if (state.alert(alertKey(alert.transition))?.pooledMs === undefined) continue;
    join(turn, alert, groupOf(turn, alert.transition, ALERT_LIMITS.massWaitMs), touched);
  }
}

function byTime({ transition: a }: TrackedAlert, { transition: b }: TrackedAlert): number {
  return a.atMs - b.atMs || (a.alert < b.alert ? -1 : 1);
}

function fallenHosts({ state }: Turn, tenant: string): FallenHost[] {
  return [...state.alertsOf(state.silentOf(tenant))].map(({ transition, fired, pooledMs }) => {
    return { alert: alertKey(transition), atMs: fired.at(-1) ?? transition.atMs, waits: pooledMs !== undefined };
  });
}

/** Alerts that fire on, long after their incident was resolved by hand: someone may have been wrong. */
export function settleDismissed(turn: Turn, touched: Set<OpenIncident>): void {
  const { state, nowMs } = turn;
  const due = [...state.alertsOf(state.dismissed())].filter((alert) => dismissedDueMs(turn, alert) <= nowMs);
  for (const alert of due.toSorted(byTime)) join(turn, alert, groupOf(turn, alert.transition), touched);
}

function pooledDueMs(turn: Turn, { pooledMs = turn.nowMs }: TrackedAlert): number {
  return plannedMs(turn, pooledMs + ALERT_LIMITS.massWaitMs, ALERT_LIMITS.massWaitMs);
}

function dismissedDueMs(turn: Turn, { transition, dismissedUntilMs = turn.nowMs }: TrackedAlert): number {
  const { repeatMs } = routeOf(turn.book(transition.tenant).routes, transition);
  return plannedMs(turn, dismissedUntilMs, repeatMs);
}

/** @returns when one of these is due, Unix ms; Infinity: never. */
export function waitsDueMs(turn: Turn): number {
  const { state } = turn;
  let dueMs = Number.POSITIVE_INFINITY;
  for (const alert of state.alertsOf(state.pooled())) dueMs = Math.min(dueMs, pooledDueMs(turn, alert));
  for (const alert of state.alertsOf(state.dismissed())) dueMs = Math.min(dueMs, dismissedDueMs(turn, alert));
  return dueMs;
}

/** Forgets alerts that ended well before the window in which they could flap: event time runs behind. Nothing else is told by them. */
export function forgetEnded({ state, nowMs }: Turn): void {
  let left = ALERT_LIMITS.sweepRowsMax;
  for (const alert of state.alerts()) {
    const { to, judgedMs } = alert.transition;
    if (!hasEnded(to) || judgedMs > nowMs - 2 * ALERT_LIMITS.flapWindowMs) continue;
    if (left-- === 0) return;
    state.dropAlert(alert);
  }
}

const KEPT_MS: readonly (readonly [kind: string, ageMs: number])[] = [
  ['quiet', ALERT_LIMITS.quietHistoryAgeMs],
  ['history', ALERT_LIMITS.historyAgeMs],
  ['incident', ALERT_LIMITS.historyAgeMs],
  ['audit', ALERT_LIMITS.historyAgeMs],
  ['silence', ALERT_LIMITS.silenceAgeMs],
];

/** Deletes what is older than it has to be kept; a silence counts from its end on. @returns whether nothing is left of it. */
export function expireOld(store: DocumentStore, nowMs: number): boolean {
  const { sweepRowsMax } = ALERT_LIMITS;
  const deleted = KEPT_MS.map(([kind, ageMs]) => store.expire(kind, nowMs - ageMs, sweepRowsMax));
  return deleted.every((rows) => rows < sweepRowsMax);
}
