/** What may stand in the alert book: silences, maintenance, channels and routes as they are handed in, and what is wrong with those that may not. */
import { z } from 'zod';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { CHANNEL_TYPES } from '../model/incident.ts';
import { LABEL_KEY_PATTERN } from '../model/series.ts';
import type { BookProblem } from '../ports/alert-book.ts';
import { scheduleProblem } from './maintenance.ts';
import { DEFAULT_ROUTE_PREFIX, defaultWaits } from './routing.ts';

/** One line: it may stand in a header or a subject. */
const line = (lengthMax: number) =>
  z
    .string()
    .max(lengthMax)
    .regex(/^[^\u0000-\u001f\u007f\u0085\u2028\u2029]*$/, 'has to be one line, without control characters')
    .refine((text) => text.isWellFormed(), 'is no well formed text');
const prose = (lengthMax: number) =>
  z
    .string()
    .max(lengthMax)
    .regex(/^[^\u0000-\u0008\u000b-\u001f\u007f]*$/, 'holds control characters')
    .refine((text) => text.isWellFormed(), 'is no well formed text');
const name = line(ALERT_LIMITS.ruleNameLengthMax)
  .regex(LABEL_KEY_PATTERN, 'is no name')
  .refine((text) => !text.startsWith('__'), 'is reserved');
const sized = <T extends z.ZodRecord>(record: T, countMax: number) =>
  record.refine((one) => Object.keys(one).length <= countMax, `may have ${countMax} entries`);
const time = z.int().min(0);
const span = (least: number, most: number) => z.int().min(least).max(most);

const ID = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${ALERT_LIMITS.alertIdLengthMax - 1}}$`);
const id = z.string().regex(ID, 'is no id');

const match = sized(z.record(name, line(ALERT_LIMITS.matcherLengthMax)), ALERT_LIMITS.matchersMax);
/** What holds pages back says of whom. */
const someMatch = match.refine((one) => Object.keys(one).length > 0, 'needs a matcher, such as {"host": "*"}');
const comment = prose(ALERT_LIMITS.commentLengthMax);
const texts = sized(z.record(name, line(ALERT_LIMITS.channelSettingLengthMax)), ALERT_LIMITS.channelSettingsMax);

export const channelBody = z.strictObject({
  type: z.enum(CHANNEL_TYPES),
  settings: texts.default({}),
  /** Those that are not named stay; an empty one goes. */
  secrets: texts.optional(),
  canaryEveryMs: span(ALERT_LIMITS.canaryEveryMsMin, ALERT_LIMITS.routeMsMax).optional(),
  enabled: z.boolean().default(true),
});

const silenceBody = (nowMs: number) =>
  z
    .strictObject({ match: someMatch, comment, startsMs: time.default(nowMs), endsMs: time })
    .refine(({ startsMs, endsMs }) => startsMs < endsMs, { path: ['endsMs'], error: 'has to be after its start' })
    .refine(({ startsMs, endsMs }) => endsMs - startsMs <= ALERT_LIMITS.silenceMsMax, {
      path: ['endsMs'],
      error: 'is too far from its start',
    });

const maintenanceBody = (nowMs: number) =>
  z
    .strictObject({
      match: someMatch,
      comment,
      cron: line(ALERT_LIMITS.cronLengthMax),
      timeZone: line(ALERT_LIMITS.timeZoneLengthMax),
      durationMs: span(ALERT_LIMITS.maintenanceMsMin, ALERT_LIMITS.maintenanceMsMax),
    })
    .superRefine(({ cron, timeZone }, context) => {
      const problem = scheduleProblem(cron, timeZone, nowMs);
      if (problem !== undefined) context.addIssue({ code: 'custom', path: ['cron'], message: problem });
    });

const ids = z.array(id).max(ALERT_LIMITS.routeNamesMax);

const routeBody = z
  .strictObject({
    match,
    channels: ids.min(1),
    groupBy: z.array(name).max(ALERT_LIMITS.routeNamesMax).default(['rule', 'datacenter']),
    groupWaitMs: span(0, ALERT_LIMITS.routeMsMax).optional(),
    groupIntervalMs: span(1, ALERT_LIMITS.routeMsMax).optional(),
    repeatMs: span(ALERT_LIMITS.repeatMsMin, ALERT_LIMITS.routeMsMax).default(ALERT_LIMITS.repeatMs),
    escalateAfterMs: span(ALERT_LIMITS.repeatMsMin, ALERT_LIMITS.routeMsMax).optional(),
    escalateTo: ids.default([]),
  })
  .refine(({ escalateAfterMs, escalateTo }) => escalateAfterMs === undefined || escalateTo.length > 0, {
    path: ['escalateTo'],
    error: 'has to name a channel',
  })
  .transform((route) => ({ ...defaultWaits(route.match.severity), ...definedOf(route) }));

/** Without members that are undefined: they would stand before those that are usual. */
function definedOf<T extends object>(one: T): T {
  return Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as T;
}

/** What a document is made of that has no secrets. */
export type PlainKind = 'silence' | 'maintenance' | 'route';

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly BookProblem[] };

/** @returns the document with what is usual filled in. */
export function checkPlain(kind: PlainKind, body: unknown, nowMs: number): Checked<object> {
  if (kind === 'silence') return check(silenceBody(nowMs), body);
  return kind === 'maintenance' ? check(maintenanceBody(nowMs), body) : check(routeBody, body);
}

export function check<T>(schema: z.ZodType<T>, body: unknown): Checked<T> {
  const { success, data, error } = schema.safeParse(body);
  if (success) return { ok: true, value: data };
  const problems = error.issues
    .slice(0, ALERT_LIMITS.bookProblemsMax)
    .map(({ path, message }) => problem(path.map(String).join('.'), message));
  return { ok: false, problems };
}

export function problem(path: string, message: string): BookProblem {
  return { line: 0, path, message };
}

/** The one document of `rules`. */
export const RULE_FILE_ID = 'file';

/** @returns what is wrong with an id; undefined where it may be used. */
export function idProblem(kind: string, name: string): BookProblem | undefined {
  if (kind === 'rules') return name === RULE_FILE_ID ? undefined : problem('id', `has to be ${RULE_FILE_ID}`);
  if (!ID.test(name)) return problem('id', 'is no id');
  const reserved = kind === 'route' && name.startsWith(DEFAULT_ROUTE_PREFIX);
  return reserved ? problem('id', `${DEFAULT_ROUTE_PREFIX}… is reserved`) : undefined;
}
