/** The public schemas of alerting: what is asked and handed in. Unknown properties are refused, so that nobody believes in a typo. */
import { z } from 'zod';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { CHANNEL_TYPES } from '../model/incident.ts';
import { LABEL_KEY_PATTERN } from '../model/series.ts';
import { clientId, unixMs } from './schemas.ts';

const NO_CONTROLS = /^[^\u0000-\u001f\u007f]*$/;
const wellFormed = (text: string): boolean => text.isWellFormed();

/** One line. */
const line = (lengthMax: number) => z.string().max(lengthMax).regex(NO_CONTROLS, 'must be one line').refine(wellFormed);
/** Lines of text; no other controls than their ends and tabs. */
const prose = (lengthMax: number) =>
  z
    .string()
    .max(lengthMax)
    .regex(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$/, 'holds control characters')
    .refine(wellFormed);
const time = z.int().min(0).describe('Unix ms');
const span = z.int().min(0).max(ALERT_LIMITS.routeMsMax).describe('ms');

export const ALERT_ID = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${ALERT_LIMITS.alertIdLengthMax - 1}}$`);
const alertId = z.string().regex(ALERT_ID, 'is no id');
const name = z
  .string()
  .max(ALERT_LIMITS.ruleNameLengthMax)
  .regex(LABEL_KEY_PATTERN, 'is no name')
  .refine((text) => !text.startsWith('__'), 'is reserved');

const sized = <T extends z.ZodRecord>(record: T, countMax: number) =>
  record.refine((one) => Object.keys(one).length <= countMax, `may have ${countMax} entries`);

const matchers = sized(z.record(name, line(ALERT_LIMITS.matcherLengthMax)), ALERT_LIMITS.matchersMax)
  .refine((one) => Object.keys(one).length > 0, 'needs a matcher, such as {"host": "*"}')
  .describe('By host, rule, severity, datacenter, environment or a label: all have to match. * is any text, a leading ! is not.');
const settings = sized(z.record(name, prose(ALERT_LIMITS.channelSettingLengthMax)), ALERT_LIMITS.channelSettingsMax);
const comment = prose(ALERT_LIMITS.commentLengthMax);

export const silenceBody = z
  .strictObject({
    match: matchers,
    comment,
    starts_ms: time.optional().describe('Unix ms; left out: now.'),
    ends_ms: time,
  })
  .refine((one) => one.starts_ms === undefined || one.starts_ms < one.ends_ms, {
    path: ['ends_ms'],
    error: 'must be after its start',
  });

export const maintenanceBody = z.strictObject({
  match: matchers,
  comment,
  cron: line(ALERT_LIMITS.cronLengthMax).describe('Five fields: when it starts.'),
  time_zone: line(ALERT_LIMITS.timeZoneLengthMax).describe('IANA name, such as Europe/Berlin.'),
  duration_ms: span.min(1),
});

export const channelBody = z.strictObject({
  type: z.enum(CHANNEL_TYPES),
  settings: settings.optional(),
  secrets: settings.optional().describe('Kept encrypted and never shown. Left out: those that it has stay.'),
  canary_every_ms: span.min(1).nullish().describe('A page that proves the channel, each so many ms; left out: none.'),
  enabled: z.boolean().optional().describe('Left out: true.'),
});

const names = <T extends z.ZodType>(one: T) => z.array(one).max(ALERT_LIMITS.routeNamesMax);
export const routeBody = z.strictObject({
  match: sized(z.record(name, line(ALERT_LIMITS.matcherLengthMax)), ALERT_LIMITS.matchersMax).describe('Empty: every alert.'),
  channels: names(alertId),
  group_by: names(name).optional(),
  group_wait_ms: span.optional(),
  group_interval_ms: span.optional(),
  repeat_ms: span.optional(),
  escalate_after_ms: span.min(1).nullish().describe('Left out: never.'),
  escalate_to: names(alertId).optional(),
});

export const noteBody = z.strictObject({
  text: prose(ALERT_LIMITS.noteLengthMax).refine((text) => text.trim() !== '', 'is empty'),
});

export const ruleFileBody = z.strictObject({ file: z.string().refine(wellFormed).describe('The YAML text.') });
export const backtestBody = z
  .strictObject({ file: ruleFileBody.shape.file, from: time, to: time })
  .refine((one) => one.from < one.to, { path: ['to'], error: 'must be after from' });

// Queries: text in, typed values out.
const limit = (most: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,5}$/, 'must be a number from 1')
    .transform(Number)
    .pipe(z.int().min(1).max(most));
const range = {
  start: unixMs.optional().describe('Unix ms; inclusive.'),
  end: unixMs.optional().describe('Unix ms; exclusive.'),
};
const ruleName = line(2 * ALERT_LIMITS.ruleNameLengthMax + 1);
export const incidentId = line(ALERT_LIMITS.incidentIdLengthMax).min(1);

export const incidentsQuery = z.strictObject({
  state: z
    .enum(['active', 'open', 'acknowledged', 'resolved'], 'must be active, open, acknowledged or resolved')
    .optional()
    .describe('active: open or acknowledged. Left out: all.'),
  ...range,
  limit: limit(ALERT_LIMITS.incidentsShownMax).optional().describe(`${ALERT_LIMITS.incidentsShownDefault} where left out.`),
});

export const historyQuery = z.strictObject({
  rule: ruleName.optional(),
  client: clientId.optional(),
  incident: incidentId.optional(),
  ...range,
  format: z.enum(['json', 'csv'], 'must be json or csv').optional(),
});

export const responseTimesQuery = z.strictObject({
  by: z
    .string()
    .max(ALERT_LIMITS.ruleNameLengthMax)
    .regex(/^(rule|host|label:[A-Za-z_][A-Za-z0-9_.-]*)$/, 'must be rule, host or label:NAME')
    .optional()
    .describe('rule where left out.'),
  ...range,
});

export const auditQuery = z.strictObject({
  start: range.start,
  limit: limit(ALERT_LIMITS.auditShownMax).optional(),
});
