/** Rules and alerts in the shape of Prometheus' HTTP API (prometheus.io/docs/prometheus/latest/querying/api), as Grafana reads them. */
import type { z } from 'zod';
import type { RuleSpec, Transition } from '../model/alert.ts';
import { ERRORS, MetricStreamError } from '../model/errors.ts';
import { RESOLUTION_MS } from '../model/window.ts';
import type { ActiveAlert } from '../ports/alert-book.ts';
import type { prometheusAlerts, prometheusRules } from './alert-answer-schemas.ts';
import { problemOf, publicText } from './problem.ts';

type RulesData = z.input<typeof prometheusRules>['data'];
type Rule = RulesData['groups'][number]['rules'][number];
type Alert = z.input<typeof prometheusAlerts>['data']['alerts'][number];

/** Where Prometheus has a path, Grafana shows a folder: all our rules are in one. */
const FILE = 'metricstream';

/** Which of the rules are asked for; undefined: all. */
export interface RuleChoice {
  readonly names: ReadonlySet<string> | undefined;
  readonly groups: ReadonlySet<string> | undefined;
  readonly files: ReadonlySet<string> | undefined;
  readonly recording: boolean;
  readonly withAlerts: boolean;
}

/**
 * Reads the parameters that Prometheus has; others are passed over, as it does.
 * @throws invalid_request for what would be answered wrongly if it were.
 */
export function ruleChoiceOf(url: string): RuleChoice {
  const given = new URL(url).searchParams;
  const type = given.get('type');
  if (type !== null && type !== '' && type !== 'alert' && type !== 'record')
    throw new MetricStreamError('invalid_request', `not supported value "${type.slice(0, 20)}"`);
  if (given.has('match[]') || given.has('group_limit'))
    throw new MetricStreamError('invalid_request', 'match[] and group_limit are not supported');
  const listed = (name: string) => (given.has(name) ? new Set(given.getAll(name)) : undefined);
  return {
    names: listed('rule_name[]'),
    groups: listed('rule_group[]'),
    files: listed('file[]'),
    recording: type === 'record',
    withAlerts: given.get('exclude_alerts') !== 'true',
  };
}

/** What is pending and what fires; there is no other state. One that is unknown is what it was when it was last known. */
function stateOf({ from, to }: Transition): 'pending' | 'firing' {
  return to === 'pending' || (to === 'unknown' && from === 'pending') ? 'pending' : 'firing';
}

function alertOf({ transition: of }: ActiveAlert): Alert {
  const [value] = Object.values(of.values);
  return {
    labels: {
      ...of.labels,
      ...(of.datacenter === undefined ? {} : { datacenter: of.datacenter }),
      ...(of.environment === undefined ? {} : { environment: of.environment }),
      alertname: of.rule,
      host: of.client,
      severity: of.severity,
    },
    annotations: of.annotations,
    state: stateOf(of),
    activeAt: new Date(of.onsetMs).toISOString(),
    ...(of.to === 'recovering' ? { keepFiringSince: new Date(of.atMs).toISOString() } : {}),
    value: value === undefined ? 'NaN' : String(value),
  };
}

export function prometheusAlertsAnswer(alerts: readonly ActiveAlert[]): z.input<typeof prometheusAlerts> {
  return { status: 'success', data: { alerts: alerts.map(alertOf) } };
}

function ruleOf(rule: RuleSpec, active: readonly ActiveAlert[], withAlerts: boolean): Rule {
  const alerts = active.map(alertOf);
  const firing = alerts.some(({ state }) => state === 'firing');
  return {
    type: 'alerting',
    name: rule.alert,
    query: rule.expr,
    duration: rule.forMs / 1000,
    keepFiringFor: rule.keepFiringForMs / 1000,
    labels: { ...rule.labels, severity: rule.severity },
    annotations: rule.annotations,
    alerts: withAlerts ? alerts : [],
    health: active.some(({ transition }) => transition.to === 'unknown') ? 'unknown' : 'ok',
    state: firing ? 'firing' : alerts.length > 0 ? 'pending' : 'inactive',
  };
}

export function prometheusRulesAnswer(
  rules: readonly RuleSpec[],
  alerts: readonly ActiveAlert[],
  choice: RuleChoice,
): z.input<typeof prometheusRules> {
  const idOf = (group: string, rule: string) => JSON.stringify([group, rule]);
  const activeOf = Map.groupBy(alerts, ({ transition }) => idOf(transition.group, transition.rule));
  const wanted = rules.filter(
    ({ group, alert }) =>
      !choice.recording &&
      (choice.files?.has(FILE) ?? true) &&
      (choice.groups?.has(group) ?? true) &&
      (choice.names?.has(alert) ?? true),
  );
  const groups = [...Map.groupBy(wanted, ({ group }) => group)].map(([name, of]) => ({
    name,
    file: FILE,
    // A rule is judged as minutes close.
    interval: RESOLUTION_MS['1m'] / 1000,
    rules: of.map((rule) => ruleOf(rule, activeOf.get(idOf(rule.group, rule.alert)) ?? [], choice.withAlerts)),
  }));
  return { status: 'success', data: { groups } };
}

/** The error in Prometheus' shape, with the status and headers that it has everywhere. */
export function prometheusProblemOf(error: MetricStreamError, correlationId: string): Response {
  const { status, headers } = problemOf(error, correlationId);
  headers.set('content-type', 'application/json');
  const body = { status: 'error', errorType: errorTypeOf(ERRORS[error.code].status), error: publicText(error) };
  return new Response(JSON.stringify(body), { status, headers });
}

function errorTypeOf(status: number): string {
  if (status === 404) return 'not_found';
  if (status === 503) return 'unavailable';
  return status === 500 ? 'internal' : 'bad_data';
}
