/** What alerting answers, for the OpenAPI document and for the types of alert-answers.ts. */
import { z } from 'zod';
import { ALERT_STATES } from '../model/alert.ts';
import { CHANNEL_TYPES } from '../model/incident.ts';
import { bookProblem } from './schemas.ts';

const texts = z.record(z.string(), z.string()).readonly();
const numbers = z.record(z.string(), z.number()).readonly();
const time = z.int().describe('Unix ms');
const maybeTime = time.nullable();
const version = { id: z.string(), version: z.int().describe('The ETag.'), changed_ms: time };
const state = z.enum(ALERT_STATES);

export const silence = z
  .object({ ...version, match: texts, by: z.string(), comment: z.string(), starts_ms: time, ends_ms: time })
  .meta({ id: 'Silence' });

export const maintenance = z
  .object({
    ...version,
    match: texts,
    by: z.string(),
    comment: z.string(),
    cron: z.string(),
    time_zone: z.string(),
    duration_ms: z.int(),
  })
  .meta({ id: 'Maintenance' });

export const channel = z
  .object({
    ...version,
    type: z.enum(CHANNEL_TYPES),
    settings: texts,
    canary_every_ms: z.int().nullable(),
    enabled: z.boolean(),
  })
  .meta({ id: 'Channel', description: 'Its secrets are never shown.' });

export const route = z
  .object({
    ...version,
    match: texts,
    channels: z.array(z.string()),
    group_by: z.array(z.string()),
    group_wait_ms: z.int(),
    group_interval_ms: z.int(),
    repeat_ms: z.int(),
    escalate_after_ms: z.int().nullable(),
    escalate_to: z.array(z.string()),
  })
  .meta({ id: 'Route' });

export const ruleFile = z.object({ file: z.string(), version: z.int(), changed_ms: maybeTime }).meta({ id: 'RuleFile' });
export const ruleFileChanged = z.object({ version: z.int().describe('Of the rule set.'), changed_ms: time });
export const rulesChecked = z.object({ valid: z.boolean(), problems: z.array(bookProblem) });

export const ruleOverride = z.object({
  match: texts,
  enabled: z.boolean().nullable(),
  params: numbers.nullable(),
  for_ms: z.int().nullable(),
  keep_firing_for_ms: z.int().nullable(),
  severity: z.string().nullable(),
});

export const rule = z
  .object({
    group: z.string(),
    alert: z.string(),
    expr: z.string(),
    clear: z.string().nullable(),
    for_ms: z.int(),
    keep_firing_for_ms: z.int(),
    severity: z.string(),
    labels: texts,
    annotations: texts,
    params: numbers,
    overrides: z.array(ruleOverride),
  })
  .meta({ id: 'Rule' });
export const rulesAnswer = z.object({ version: z.int(), rules: z.array(rule) });

const transitionFields = {
  id: z.string(),
  client_id: z.string(),
  datacenter: z.string().nullable(),
  environment: z.string().nullable(),
  group: z.string(),
  rule: z.string(),
  rules_version: z.int(),
  alert: z.string().describe('One for each rule, client and label set.'),
  severity: z.string(),
  labels: texts,
  annotations: texts,
  from: state,
  to: state,
  amended: z.boolean().describe('A late sample changed what a judged minute says: history, which pages nobody.'),
  reason: z.string().nullable(),
  onset_ms: time,
  at_ms: time,
  window_ms: maybeTime,
  judged_ms: time,
  values: numbers,
  explanations: z.array(z.string()),
};
export const transition = z.object(transitionFields).meta({ id: 'Transition' });
export const activeAlert = z.object({ ...transitionFields, state, incident: z.string().nullable() }).meta({ id: 'Alert' });
export const alertsAnswer = z.object({ alerts: z.array(activeAlert) });

export const incidentAlert = z
  .object({
    alert: z.string(),
    group: z.string(),
    rule: z.string(),
    client_id: z.string(),
    severity: z.string(),
    labels: texts,
    annotations: texts,
    state,
    onset_ms: time,
    at_ms: time,
    values: numbers,
    explanations: z.array(z.string()),
  })
  .meta({ id: 'IncidentAlert' });

const incidentFields = {
  id: z.string(),
  title: z.string(),
  severity: z.string(),
  state: z.enum(['open', 'acknowledged', 'resolved']),
  delivery: z.string().describe('undelivered: no channel is set up for it.'),
  route: z.string(),
  group_labels: texts,
  onset_ms: time.describe('Event time at which the first of its alerts began.'),
  opened_ms: time,
  notified_ms: maybeTime,
  acknowledged_ms: maybeTime,
  acknowledged_by: z.string().nullable(),
  resolved_ms: maybeTime,
  escalations: z.int(),
  alert_count: z.int(),
};
export const incidentRow = z.object(incidentFields).meta({ id: 'IncidentRow' });
export const incident = z
  .object({
    ...incidentFields,
    notes: z.array(z.object({ by: z.string(), at_ms: time, text: z.string() })),
    alerts: z.array(incidentAlert).describe('The first of alert_count.'),
  })
  .meta({ id: 'Incident' });

export const historyEntry = z
  .object({
    id: z.string(),
    incident: z.string().nullable(),
    kind: z.string(),
    at_ms: time,
    by: z.string(),
    text: z.string(),
    transition: transition.nullable(),
  })
  .meta({ id: 'HistoryEntry' });

export const incidentsAnswer = z.object({ incidents: z.array(incidentRow) });
export const incidentAnswer = z.object({ incident, timeline: z.array(historyEntry) });
export const incidentChanged = z.object({ incident });
export const historyAnswer = z.object({ history: z.array(historyEntry) });

export const responseTime = z.object({
  key: z.string(),
  incidents: z.int(),
  mttd_ms: z.number().nullable().describe('From onset in event time to the first page, mean.'),
  mttr_ms: z.number().nullable().describe('From opening to resolution, mean.'),
});
export const responseTimesAnswer = z.object({ by: z.string(), response_times: z.array(responseTime) });

export const auditEntry = z.object({ at_ms: time, actor: z.string(), action: z.string(), kind: z.string(), id: z.string() });
export const auditAnswer = z.object({ audit: z.array(auditEntry) });

const counts = { firings: z.int(), flaps: z.int(), pages: z.int().describe('After grouping, silences and maintenance.') };
export const backtestAnswer = z
  .object({
    from_ms: time,
    to_ms: time,
    ...counts,
    rules: z.array(z.object({ rule: z.string(), ...counts })),
    notes: z.array(z.string()),
    transition_count: z.int(),
    transitions: z.array(transition).describe('The first of transition_count.'),
  })
  .meta({ id: 'Backtest' });

export const clientRetired = z.object({ client_id: z.string(), retired: z.literal(true) }).meta({ id: 'ClientRetired' });

export const channelTested = z.object({ delivered: z.boolean(), detail: z.string() });

const prometheus = <T extends z.ZodType>(data: T) => z.object({ status: z.literal('success'), data });
const prometheusAlert = z.object({
  labels: texts,
  annotations: texts,
  state: z.enum(['pending', 'firing']),
  activeAt: z.string(),
  keepFiringSince: z.string().optional(),
  value: z.string(),
});
export const prometheusAlerts = prometheus(z.object({ alerts: z.array(prometheusAlert) }));
export const prometheusRules = prometheus(
  z.object({
    groups: z.array(
      z.object({
        name: z.string(),
        file: z.string(),
        interval: z.number(),
        rules: z.array(
          z.object({
            type: z.literal('alerting'),
            name: z.string(),
            query: z.string(),
            duration: z.number(),
            keepFiringFor: z.number(),
            labels: texts,
            annotations: texts,
            alerts: z.array(prometheusAlert),
            health: z.enum(['ok', 'unknown']),
            state: z.enum(['inactive', 'pending', 'firing']),
          }),
        ),
      }),
    ),
  }),
);
export const prometheusProblem = z
  .object({ status: z.literal('error'), errorType: z.string(), error: z.string() })
  .meta({ id: 'PrometheusProblem' });

/** A list under the name of its kind. */
export function listed(name: string, one: z.ZodType): z.ZodType {
  return z.object({ [name]: z.array(one) });
}
