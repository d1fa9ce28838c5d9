/** What is shown of an incident: its alerts, its title, its severity. */
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Incident, IncidentAlert } from '../model/incident.ts';
import { hasEnded } from './incident-state.ts';

/** Named severities by their weight; a custom one is more than informational. */
export function severityRank(severity: string): number {
  const rank = ['informational', '', 'high', 'critical'].indexOf(severity);
  return rank < 0 ? 1 : rank;
}

type Begun = Pick<
  Incident,
  'id' | 'tenant' | 'groupLabels' | 'route' | 'title' | 'severity' | 'delivery' | 'onsetMs' | 'openedMs'
>;

/** An incident of which nothing has been told yet. */
export function newIncident(begun: Begun): Incident {
  return {
    ...begun,
    state: 'open',
    notifiedMs: undefined,
    acknowledgedMs: undefined,
    acknowledgedBy: undefined,
    resolvedMs: undefined,
    escalations: 0,
    notes: [],
    alerts: [],
    alertCount: 0,
  };
}

function viewOf(transition: Transition): IncidentAlert {
  const {
    alert,
    group,
    rule,
    client,
    severity,
    labels,
    annotations,
    to: state,
    onsetMs,
    atMs,
    values,
    explanations,
  } = transition;
  const view = { alert, group, rule, client, severity, labels, annotations, state, onsetMs, atMs, values, explanations };
  if (bytesOf(view) <= ALERT_LIMITS.incidentAlertBytesMax) return view;
  // Whole texts go, those first that explain: the transition in the history has them all.
  const short = { ...view, annotations: shortened(annotations), explanations: [] };
  if (bytesOf(short) <= ALERT_LIMITS.incidentAlertBytesMax) return short;
  return { ...short, labels: shortened(labels), annotations: {}, values: {} };
}

/** In UTF-8, as SQLite counts: some scripts take three bytes a character. */
function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

function shortened(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  let left = ALERT_LIMITS.incidentAlertBytesMax / 4;
  return Object.fromEntries(
    Object.entries(texts).filter(([name, text]) => {
      left -= bytesOf([name, text]);
      return left >= 0;
    }),
  );
}

/** The incident with what its alert is now. @param joins whether the alert was none of its own before. */
export function withAlert(incident: Incident, transition: Transition, joins: boolean): Incident {
  const alerts = [...incident.alerts];
  const known = alerts.findIndex(({ alert }) => alert === transition.alert);
  // Where there is no room, one that has ended makes it.
  const full = alerts.length >= ALERT_LIMITS.incidentAlertsMax;
  const place = known >= 0 || !full || !joins ? known : alerts.findIndex(({ state }) => hasEnded(state));
  if (place >= 0) alerts[place] = viewOf(transition);
  else if (joins && !full) alerts.push(viewOf(transition));
  const isMore = severityRank(transition.severity) > severityRank(incident.severity);
  return {
    ...incident,
    alerts,
    alertCount: incident.alertCount + (joins && known < 0 ? 1 : 0),
    severity: isMore ? transition.severity : incident.severity,
    onsetMs: Math.min(incident.onsetMs, transition.onsetMs),
  };
}

/** @param active what has not ended. */
export function titleOf(active: Iterable<Transition>): string {
  const [hosts, rules] = [new Set<string>(), new Set<string>()];
  let count = 0;
  let summary: string | undefined;
  for (const { client, rule, annotations } of active) {
    hosts.add(client);
    rules.add(rule);
    count += 1;
    summary = annotations.summary;
  }
  if (count === 1 && summary !== undefined && summary !== '') return oneLine(summary);
  const where = hosts.size === 1 ? [...hosts].join('') : `${hosts.size} hosts (${firstOf(hosts)})`;
  return oneLine(`${firstOf(rules)} on ${where}`);
}

/** @param hosts 0 where nobody knows how many there are. */
export function massTitle(silent: number, hosts: number): string {
  if (hosts === 0) return `${silent} hosts are silent`;
  return `${silent} of ${Math.max(silent, hosts)} hosts are silent`;
}

const NAMES_SHOWN = 3;

function firstOf(names: ReadonlySet<string>): string {
  const sorted = [...names].sort();
  return `${sorted.slice(0, NAMES_SHOWN).join(', ')}${sorted.length > NAMES_SHOWN ? ', …' : ''}`;
}

/** A title goes into subjects and headers. */
function oneLine(text: string): string {
  const flat = text.replace(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, ' ').toWellFormed();
  return flat.length <= ALERT_LIMITS.incidentTitleLengthMax
    ? flat
    : `${flat.slice(0, ALERT_LIMITS.incidentTitleLengthMax - 1).toWellFormed()}…`;
}
