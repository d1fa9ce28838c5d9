/** The forms of what a tenant sets up: which fields each has, what they begin with, and the body that they make. */
import { CHANNEL_TYPES, type ChannelType } from '../../../model/incident.ts';
import { HOUR_MS } from '../../../model/window.ts';
import type { ChannelAnswer, MaintenanceAnswer, RouteAnswer, SilenceAnswer } from './answers.ts';
import { matchText, parseMatch } from './matchers.ts';
import { parseSpan, spanText } from './times.ts';

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly placeholder?: string;
  readonly required?: boolean;
  /** text where it is left out. */
  readonly kind?: 'text' | 'secret' | 'choice' | 'flag';
  /** Of a choice: value and what is shown. */
  readonly options?: readonly (readonly [value: string, label: string])[];
}

export type Values = Readonly<Record<string, string>>;

export type Made = { readonly ok: true; readonly body: object } | { readonly ok: false; readonly message: string };

const refuse = (message: string): Made => ({ ok: false, message });
const text = (values: Values, name: string): string => (values[name] ?? '').trim();

export const CHANNEL_NAMES: Readonly<Record<ChannelType, string>> = {
  email: 'Email',
  pagerduty: 'PagerDuty',
  slack: 'Slack',
  webhook: 'Webhook',
  alertmanager: 'Alertmanager',
};

const MATCH: Field = {
  name: 'match',
  label: 'Matchers',
  placeholder: 'host=web-*, rule=HighCpu',
  hint: 'host, rule, group, severity, datacenter, environment or a label. All have to match; * is any text, a leading ! is not.',
};
const COMMENT: Field = { name: 'comment', label: 'Comment', placeholder: 'Why, and who to ask' };
const NAME: Field = {
  name: 'id',
  label: 'Name',
  required: true,
  placeholder: 'on-call',
  hint: 'Letters, digits, dot, dash and underscore.',
};

/** Of a channel: what is not secret, and what is. */
interface ChannelFields {
  readonly settings: readonly Field[];
  readonly secrets: readonly Field[];
}

const secret = (name: string, label: string, more: Partial<Field> = {}): Field => ({ name, label, kind: 'secret', ...more });

export const CHANNEL_FIELDS: Readonly<Record<ChannelType, ChannelFields>> = {
  email: {
    settings: [
      {
        name: 'to',
        label: 'To',
        required: true,
        placeholder: 'oncall@example.com',
        hint: 'Addresses, with commas between them.',
      },
      { name: 'from', label: 'From', required: true, placeholder: 'alerts@example.com' },
      { name: 'host', label: 'Mail server', placeholder: 'smtp.example.com' },
      { name: 'port', label: 'Port', placeholder: '587' },
      {
        name: 'secure',
        label: 'TLS',
        kind: 'choice',
        options: [
          ['', 'STARTTLS'],
          ['true', 'from the first byte'],
        ],
      },
      { name: 'user', label: 'User' },
    ],
    secrets: [secret('password', 'Password')],
  },
  pagerduty: {
    settings: [{ name: 'url', label: 'Events URL', placeholder: 'https://events.pagerduty.com/v2/enqueue' }],
    secrets: [secret('routingKey', 'Integration key', { required: true, hint: 'Of an Events API v2 integration.' })],
  },
  slack: {
    settings: [],
    secrets: [
      secret('url', 'Incoming webhook URL', {
        required: true,
        placeholder: 'https://hooks.slack.com/services/…',
        hint: 'Who knows it can post: it is kept as a secret.',
      }),
    ],
  },
  webhook: {
    settings: [{ name: 'url', label: 'URL', placeholder: 'https://example.com/hook', hint: 'https only.' }],
    secrets: [
      secret('secret', 'Signing secret', {
        required: true,
        placeholder: 'whsec_…',
        hint: 'Standard Webhooks: the base64 of 24 to 64 bytes.',
      }),
      secret('token', 'Bearer token'),
      secret('url', 'URL, where it is secret', { hint: 'In place of the one above.' }),
    ],
  },
  alertmanager: {
    settings: [
      { name: 'url', label: 'URL', required: true, placeholder: 'https://alertmanager.example.com' },
      { name: 'user', label: 'User' },
    ],
    secrets: [secret('token', 'Bearer token'), secret('password', 'Password')],
  },
};

const settingName = (name: string): string => `settings.${name}`;
const secretName = (name: string): string => `secrets.${name}`;

/** @param type as it is chosen. @param isNew its secrets have to be given, and its name and type. */
export function channelFields(type: ChannelType, isNew: boolean): Field[] {
  const { settings, secrets } = CHANNEL_FIELDS[type];
  const options = CHANNEL_TYPES.map((one) => [one, CHANNEL_NAMES[one]] as const);
  const kept = isNew ? {} : { required: false, placeholder: 'unchanged' };
  return [
    ...(isNew ? [NAME, { name: 'type', label: 'Type', kind: 'choice', options } as const] : []),
    ...settings.map((field) => ({ ...field, name: settingName(field.name) })),
    ...secrets.map((field) => ({ ...field, ...kept, name: secretName(field.name) })),
    { name: 'canary', label: 'Canary every', placeholder: 'never', hint: 'A page that proves the channel, such as 1h.' },
    { name: 'enabled', label: 'Enabled', kind: 'flag' },
  ];
}

export function channelValues(channel: ChannelAnswer | undefined): Values {
  if (channel === undefined) return { type: 'email', enabled: 'true' };
  return {
    type: channel.type,
    ...Object.fromEntries(Object.entries(channel.settings).map(([name, value]) => [settingName(name), value])),
    canary: channel.canary_every_ms === null ? '' : spanText(channel.canary_every_ms),
    enabled: String(channel.enabled),
  };
}

export function channelBody(type: ChannelType, values: Values): Made {
  const { settings, secrets } = CHANNEL_FIELDS[type];
  const canary = text(values, 'canary');
  const canaryMs = canary === '' ? undefined : parseSpan(canary);
  if (canary !== '' && canaryMs === undefined) return refuse('Canary every: write a time such as 30m or 1h.');
  const given = (fields: readonly Field[], nameOf: (name: string) => string) =>
    Object.fromEntries(fields.map(({ name }) => [name, text(values, nameOf(name))] as const).filter(([, value]) => value !== ''));
  const handed = given(secrets, secretName);
  const body = {
    type,
    settings: given(settings, settingName),
    ...(Object.keys(handed).length === 0 ? {} : { secrets: handed }),
    ...(canaryMs === undefined ? {} : { canary_every_ms: canaryMs }),
    enabled: values.enabled === 'true',
  };
  return { ok: true, body };
}

/** What may be said of it in a list, in one line. */
export function channelSummary({ type, settings }: ChannelAnswer): string {
  const target = type === 'email' ? settings.to : settings.url;
  return [CHANNEL_NAMES[type], target].filter((part) => part !== undefined && part !== '').join(' · ');
}

export const SILENCE_FIELDS: readonly Field[] = [
  { ...MATCH, required: true },
  { name: 'for', label: 'For', required: true, placeholder: '4h' },
  COMMENT,
];

export function silenceValues(silence: SilenceAnswer | undefined, nowMs: number): Values {
  if (silence === undefined) return { for: '4h' };
  const leftMs = Math.max(60_000, Math.round((silence.ends_ms - nowMs) / 60_000) * 60_000);
  return { match: matchText(silence.match), for: spanText(leftMs), comment: silence.comment };
}

/** @param startsMs of one that there is already; undefined: now. */
export function silenceBody(values: Values, nowMs: number, startsMs?: number): Made {
  const match = parseMatch(text(values, 'match'));
  const spanMs = parseSpan(text(values, 'for'));
  if (match === undefined) return refuse('Matchers: write name=pattern, with commas between them.');
  if (spanMs === undefined || spanMs <= 0) return refuse('For: write a time such as 30m or 4h.');
  // The server's clock may be a second behind what the page takes for it.
  const starts = startsMs === undefined ? {} : { starts_ms: Math.min(startsMs, nowMs) };
  return { ok: true, body: { match, comment: text(values, 'comment'), ...starts, ends_ms: Math.round(nowMs + spanMs) } };
}

export const MAINTENANCE_FIELDS: readonly Field[] = [
  { ...MATCH, required: true },
  { name: 'cron', label: 'Starts', required: true, placeholder: '0 2 * * 0', hint: 'Cron: minute, hour, day, month, weekday.' },
  { name: 'timeZone', label: 'Time zone', required: true, placeholder: 'Europe/Berlin' },
  { name: 'duration', label: 'Lasts', required: true, placeholder: '2h' },
  COMMENT,
];

export function maintenanceValues(one: MaintenanceAnswer | undefined, zone: string): Values {
  if (one === undefined) return { timeZone: zone, duration: spanText(HOUR_MS) };
  return {
    match: matchText(one.match),
    cron: one.cron,
    timeZone: one.time_zone,
    duration: spanText(one.duration_ms),
    comment: one.comment,
  };
}

export function maintenanceBody(values: Values): Made {
  const match = parseMatch(text(values, 'match'));
  const durationMs = parseSpan(text(values, 'duration'));
  if (match === undefined) return refuse('Matchers: write name=pattern, with commas between them.');
  if (durationMs === undefined || durationMs <= 0) return refuse('Lasts: write a time such as 90m or 2h.');
  const [cron, zone] = [text(values, 'cron'), text(values, 'timeZone')];
  return { ok: true, body: { match, comment: text(values, 'comment'), cron, time_zone: zone, duration_ms: durationMs } };
}

export function routeFields(isNew: boolean): Field[] {
  return [
    ...(isNew ? [NAME] : []),
    { ...MATCH, hint: `Empty: every alert. ${MATCH.hint ?? ''}` },
    {
      name: 'channels',
      label: 'Channels',
      required: true,
      placeholder: 'on-call, ops-mail',
      hint: 'Names, with commas between them.',
    },
    { name: 'groupBy', label: 'Group by', placeholder: 'rule, datacenter' },
    { name: 'groupWait', label: 'Wait for more', placeholder: '30s; critical 5s' },
    { name: 'groupInterval', label: 'Between news', placeholder: '5m; critical 1m' },
    { name: 'repeat', label: 'Repeat every', placeholder: '4h' },
    { name: 'escalateAfter', label: 'Escalate after', placeholder: 'never', hint: 'Unacknowledged for so long.' },
    { name: 'escalateTo', label: 'Escalate to', placeholder: 'manager-mail' },
  ];
}

export function routeValues(route: RouteAnswer | undefined): Values {
  if (route === undefined) return {};
  return {
    match: matchText(route.match),
    channels: route.channels.join(', '),
    groupBy: route.group_by.join(', '),
    groupWait: spanText(route.group_wait_ms),
    groupInterval: spanText(route.group_interval_ms),
    repeat: spanText(route.repeat_ms),
    escalateAfter: route.escalate_after_ms === null ? '' : spanText(route.escalate_after_ms),
    escalateTo: route.escalate_to.join(', '),
  };
}

const ROUTE_TIMES = [
  ['groupWait', 'group_wait_ms', 'Wait for more'],
  ['groupInterval', 'group_interval_ms', 'Between news'],
  ['repeat', 'repeat_ms', 'Repeat every'],
  ['escalateAfter', 'escalate_after_ms', 'Escalate after'],
] as const;

export function routeBody(values: Values): Made {
  const match = parseMatch(text(values, 'match'));
  if (match === undefined) return refuse('Matchers: write name=pattern, with commas between them.');
  const times: Record<string, number> = {};
  for (const [name, wire, label] of ROUTE_TIMES) {
    const written = text(values, name);
    if (written === '') continue;
    const ms = parseSpan(written);
    if (ms === undefined) return refuse(`${label}: write a time such as 30s or 5m.`);
    times[wire] = ms;
  }
  const names = (name: string): string[] =>
    text(values, name)
      .split(/[,\s]+/)
      .filter(Boolean);
  const groupBy = names('groupBy');
  const body = {
    match,
    channels: names('channels'),
    ...(groupBy.length === 0 ? {} : { group_by: groupBy }),
    ...times,
    escalate_to: names('escalateTo'),
  };
  return { ok: true, body };
}
