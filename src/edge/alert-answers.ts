/** Alerting as the answers' JSON: names in snake_case, times in Unix ms, null for what is not there. Nothing is answered that is not named here. */
import type { z } from 'zod';
import type { RuleOverride, RuleSpec, Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { AlertRoute, Channel, HistoryEntry, Incident, IncidentAlert, Maintenance, Silence } from '../model/incident.ts';
import type { ActiveAlert, AuditEntry, BacktestReport, Entry, ResponseTimes } from '../ports/alert-book.ts';
import type * as schemas from './alert-answer-schemas.ts';
import { CSV_END, csvCell } from './text.ts';

type Answer<S extends Exclude<keyof typeof schemas, 'listed'>> = z.input<(typeof schemas)[S]>;

function versionOf({ id, version, changedMs }: Entry): { id: string; version: number; changed_ms: number } {
  return { id, version, changed_ms: changedMs };
}

export function silenceAnswer(entry: Entry): Answer<'silence'> {
  const { match, by, comment, startsMs, endsMs } = entry.body as Silence;
  return { ...versionOf(entry), match, by, comment, starts_ms: startsMs, ends_ms: endsMs };
}

export function maintenanceAnswer(entry: Entry): Answer<'maintenance'> {
  const { match, by, comment, cron, timeZone, durationMs } = entry.body as Maintenance;
  return { ...versionOf(entry), match, by, comment, cron, time_zone: timeZone, duration_ms: durationMs };
}

/** Its secrets are left out whatever the book hands over. */
export function channelAnswer(entry: Entry): Answer<'channel'> {
  const { type, settings, canaryEveryMs, enabled } = entry.body as Channel;
  return { ...versionOf(entry), type, settings, canary_every_ms: canaryEveryMs ?? null, enabled };
}

export function routeAnswer(entry: Entry): Answer<'route'> {
  const route = entry.body as AlertRoute;
  return {
    ...versionOf(entry),
    match: route.match,
    channels: [...route.channels],
    group_by: [...route.groupBy],
    group_wait_ms: route.groupWaitMs,
    group_interval_ms: route.groupIntervalMs,
    repeat_ms: route.repeatMs,
    escalate_after_ms: route.escalateAfterMs ?? null,
    escalate_to: [...route.escalateTo],
  };
}

function overrideAnswer(one: RuleOverride): Answer<'ruleOverride'> {
  return {
    match: one.match,
    enabled: one.enabled ?? null,
    params: one.params ?? null,
    for_ms: one.forMs ?? null,
    keep_firing_for_ms: one.keepFiringForMs ?? null,
    severity: one.severity ?? null,
  };
}

export function ruleAnswer(rule: RuleSpec): Answer<'rule'> {
  return {
    group: rule.group,
    alert: rule.alert,
    expr: rule.expr,
    clear: rule.clear ?? null,
    for_ms: rule.forMs,
    keep_firing_for_ms: rule.keepFiringForMs,
    severity: rule.severity,
    labels: rule.labels,
    annotations: rule.annotations,
    params: rule.params,
    overrides: rule.overrides.map(overrideAnswer),
  };
}

function transitionAnswer(one: Transition): Answer<'transition'> {
  return {
    id: one.id,
    client_id: one.client,
    datacenter: one.datacenter ?? null,
    environment: one.environment ?? null,
    group: one.group,
    rule: one.rule,
    rules_version: one.rulesVersion,
    alert: one.alert,
    severity: one.severity,
    labels: one.labels,
    annotations: one.annotations,
    from: one.from,
    to: one.to,
    amended: one.amended,
    reason: one.reason ?? null,
    onset_ms: one.onsetMs,
    at_ms: one.atMs,
    window_ms: one.windowMs ?? null,
    judged_ms: one.judgedMs,
    values: one.values,
    explanations: [...one.explanations],
  };
}

export function activeAlertAnswer({ transition, incident }: ActiveAlert): Answer<'activeAlert'> {
  return { ...transitionAnswer(transition), state: transition.to, incident: incident === '' ? null : incident };
}

function incidentAlertAnswer(one: IncidentAlert): Answer<'incidentAlert'> {
  return {
    alert: one.alert,
    group: one.group,
    rule: one.rule,
    client_id: one.client,
    severity: one.severity,
    labels: one.labels,
    annotations: one.annotations,
    state: one.state,
    onset_ms: one.onsetMs,
    at_ms: one.atMs,
    values: one.values,
    explanations: [...one.explanations],
  };
}

/** A row of the list: without its alerts and notes, of which it may have hundreds. */
export function incidentSummary(one: Incident): Answer<'incidentRow'> {
  return {
    id: one.id,
    title: one.title,
    severity: one.severity,
    state: one.state,
    delivery: one.delivery,
    route: one.route,
    group_labels: one.groupLabels,
    onset_ms: one.onsetMs,
    opened_ms: one.openedMs,
    notified_ms: one.notifiedMs ?? null,
    acknowledged_ms: one.acknowledgedMs ?? null,
    acknowledged_by: one.acknowledgedBy ?? null,
    resolved_ms: one.resolvedMs ?? null,
    escalations: one.escalations,
    alert_count: one.alertCount,
  };
}

export function incidentAnswer(one: Incident): Answer<'incident'> {
  return {
    ...incidentSummary(one),
    notes: one.notes.map(({ by, atMs, text }) => ({ by, at_ms: atMs, text })),
    alerts: one.alerts.map(incidentAlertAnswer),
  };
}

export function historyAnswer(one: HistoryEntry): Answer<'historyEntry'> {
  return {
    id: one.id,
    incident: one.incident === '' ? null : one.incident,
    kind: one.kind,
    at_ms: one.atMs,
    by: one.by,
    text: one.text,
    transition: one.transition === undefined ? null : transitionAnswer(one.transition),
  };
}

const HISTORY_COLUMNS =
  'time,at_ms,kind,incident,rule,client_id,severity,from,to,amended,reason,onset_ms,by,text,labels,values'.split(',');
export const HISTORY_CSV_HEADER = HISTORY_COLUMNS.join(',') + CSV_END;

/** One line. Texts that a spreadsheet would run are guarded by csvCell. */
export function historyCsvLine({ kind, incident, atMs, by, text, transition: of }: HistoryEntry): string {
  const rule = of === undefined ? '' : `${of.group}/${of.rule}`;
  const labels = of === undefined ? '' : JSON.stringify(of.labels);
  const values = of === undefined ? '' : JSON.stringify(of.values);
  const cells = [kind, incident, rule, of?.client, of?.severity, of?.from, of?.to, of?.amended, of?.reason, of?.onsetMs];
  const texts = [...cells, by, text, labels, values].map((cell) => csvCell(String(cell ?? '')));
  return [new Date(atMs).toISOString(), atMs, ...texts].join(',') + CSV_END;
}

export function responseTimesAnswer(one: ResponseTimes): Answer<'responseTime'> {
  return { key: one.key, incidents: one.incidents, mttd_ms: one.mttdMs ?? null, mttr_ms: one.mttrMs ?? null };
}

export function auditAnswer({ atMs, actor, action, kind, id }: AuditEntry): Answer<'auditEntry'> {
  return { at_ms: atMs, actor, action, kind, id };
}

/** With the first of its transitions, and how many there are. */
export function backtestAnswer(report: BacktestReport): Answer<'backtestAnswer'> {
  return {
    from_ms: report.fromMs,
    to_ms: report.toMs,
    firings: report.firings,
    flaps: report.flaps,
    pages: report.pages,
    rules: report.rules.map(({ rule, firings, pages, flaps }) => ({ rule, firings, pages, flaps })),
    notes: [...report.notes],
    transition_count: report.transitions.length,
    transitions: report.transitions.slice(0, ALERT_LIMITS.backtestShownMax).map(transitionAnswer),
  };
}
