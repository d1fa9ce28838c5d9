/** What a page says, in words: one text for all channels, for someone who was just woken. */
import { ALERT_LIMITS } from '../../model/alert-limits.ts';
import type { Incident, IncidentAlert, Notification } from '../../model/incident.ts';

/** One alert of the incident. */
export interface MessageAlert {
  /** `web-1: CpuHigh {core="3"}`. */
  readonly name: string;
  readonly state: string;
  readonly since: string;
  /** What its annotations say. */
  readonly says: readonly string[];
  /** `avg(cpu) = 93.2`. */
  readonly values: readonly string[];
  readonly explanations: readonly string[];
}

export interface Message {
  /** `FIRING`, `RESOLVED`, …: what happened, in one word or two. */
  readonly status: string;
  /** One line, without the status. */
  readonly title: string;
  /** What this page is for, as a sentence. */
  readonly reason: string;
  /** In the order in which one needs them: severity, since when, where. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly alerts: readonly MessageAlert[];
  /** Alerts of the incident that are not named. */
  readonly moreAlerts: number;
  readonly notes: readonly string[];
  readonly runbook: string | undefined;
  readonly link: string | undefined;
}

const ANNOTATIONS = ['summary', 'description'];
const RUNBOOKS = ['runbook_url', 'runbook'];
/** Told of an incident beside its other labels. */
const PLACES = ['datacenter', 'environment'];

/** @returns the text without control characters, direction marks and line ends, cut to a length; so that it is one line wherever it lands. */
export function oneLine(text: string, lengthMax: number = ALERT_LIMITS.messageTextLengthMax): string {
  const line = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
  return cut(line.isWellFormed() ? line : line.toWellFormed(), lengthMax);
}

/** Cut to so many UTF-16 units, with an ellipsis, between characters. */
export function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const end = text.slice(0, lengthMax - 1);
  return `${/[\ud800-\udbff]$/.test(end) ? end.slice(0, -1) : end}…`;
}

/** `2026-03-01 02:14:05 UTC`. */
function timeText(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime())
    ? 'an unknown time'
    : date
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, ' UTC');
}

/** `4 m 12 s`: two units at most. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor((seconds % 86_400) / 3_600), 'h'],
    [Math.floor((seconds % 3_600) / 60), 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** @returns a web address that can stand in any text, or undefined for what is none. */
export function webLink(text: string | undefined): string | undefined {
  if (text === undefined || text.length > ALERT_LIMITS.targetUrlLengthMax || /[\p{Cc}\s]/u.test(text) || !URL.canParse(text))
    return undefined;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
  return url.href.replace(/[<>"'|`\\^{}]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const shown = Object.entries(labels).filter(([name]) => !PLACES.includes(name) && name !== 'severity');
  if (shown.length === 0) return '';
  return ` {${shown.map(([name, value]) => `${name}="${value}"`).join(', ')}}`;
}

/** `avg(cpu) = 93.2457`: what the expression read. */
export function valueTexts({ values }: IncidentAlert): string[] {
  return Object.entries(values).map(([name, value]) => oneLine(`${name} = ${numberText(value)}`));
}

function alertText(alert: IncidentAlert): MessageAlert {
  return {
    name: oneLine(`${alert.client}: ${alert.rule}${labelsText(alert.labels)}`),
    state: alert.state === 'unknown' ? 'unknown: its data are missing' : alert.state,
    since: timeText(alert.onsetMs),
    says: ANNOTATIONS.flatMap((name) => {
      const text = alert.annotations[name];
      return text === undefined || text.trim() === '' ? [] : [oneLine(text)];
    }),
    values: valueTexts(alert),
    explanations: alert.explanations.map((text) => oneLine(text)),
  };
}

function isEscalation({ event, incident }: Notification): boolean {
  return (event === 'trigger' || event === 'update') && incident.escalations > 0 && incident.state === 'open';
}

function statusOf(notification: Notification): string {
  if (isEscalation(notification)) return 'ESCALATED';
  switch (notification.event) {
    case 'trigger':
      return 'FIRING';
    case 'update':
      return 'STILL FIRING';
    case 'acknowledge':
      return 'ACKNOWLEDGED';
    case 'resolve':
      return 'RESOLVED';
    case 'test':
      return 'TEST';
    case 'canary':
      return 'CANARY';
  }
}

function count(alerts: number): string {
  return alerts === 1 ? '1 alert' : `${alerts} alerts`;
}

function reasonOf(notification: Notification): string {
  const { event, incident, atMs } = notification;
  const lasted = durationText((incident.resolvedMs ?? atMs) - incident.onsetMs);
  if (isEscalation(notification)) {
    const step = incident.escalations === 1 ? '' : `, at step ${incident.escalations}`;
    return `Nobody has acknowledged this incident since ${timeText(incident.notifiedMs ?? incident.openedMs)}; it is passed on to you${step}.`;
  }
  switch (event) {
    case 'trigger':
      return `A new incident with ${count(incident.alertCount)}.`;
    case 'update':
      return `The incident goes on since ${lasted}, now with ${count(incident.alertCount)}.`;
    case 'acknowledge':
      return `${oneLine(incident.acknowledgedBy ?? 'Someone')} has taken it on; nothing more to do unless that is you.`;
    case 'resolve':
      return `The incident is over; it lasted ${lasted}.`;
    case 'test':
      return 'Someone is testing this channel. Nothing is wrong, and nothing is to be done.';
    case 'canary':
      return 'A regular proof that this channel works. Nothing is wrong, and nothing is to be done.';
  }
}

function factsOf({ incident, event }: Notification): (readonly [string, string])[] {
  if (event === 'test' || event === 'canary') return [];
  const facts: (readonly [string, string])[] = [
    ['Severity', oneLine(incident.severity)],
    ['Since', timeText(incident.onsetMs)],
  ];
  if (incident.resolvedMs !== undefined) facts.push(['Until', timeText(incident.resolvedMs)]);
  for (const [name, value] of Object.entries(incident.groupLabels)) facts.push([oneLine(name), oneLine(value)]);
  for (const place of PLACES) {
    const values = new Set(incident.alerts.flatMap((alert) => alert.labels[place] ?? []));
    const [only] = values;
    if (values.size === 1 && only !== undefined && !(place in incident.groupLabels)) facts.push([place, oneLine(only)]);
  }
  facts.push(['Incident', oneLine(incident.id)]);
  return facts;
}

function runbookOf(incident: Incident): string | undefined {
  for (const { annotations } of incident.alerts) {
    for (const name of RUNBOOKS) {
      const link = webLink(annotations[name]);
      if (link !== undefined) return link;
    }
  }
  return undefined;
}

/** Alerts that still hold first: those are what has to be looked at. */
function byNeed(alerts: readonly IncidentAlert[]): readonly IncidentAlert[] {
  const isOver = ({ state }: IncidentAlert): boolean => state === 'resolved' || state === 'inactive';
  return [...alerts.filter((alert) => !isOver(alert)), ...alerts.filter(isOver)];
}

/** @returns what the page says: every text one line, bounded, and without control characters; not escaped for any channel. */
export function composeMessage(notification: Notification): Message {
  const { incident, event } = notification;
  const isProof = event === 'test' || event === 'canary';
  const alerts = isProof ? [] : byNeed(incident.alerts).slice(0, ALERT_LIMITS.messageAlertsMax);
  return {
    status: statusOf(notification),
    title: oneLine(incident.title, ALERT_LIMITS.messageTitleLengthMax),
    reason: reasonOf(notification),
    facts: factsOf(notification),
    alerts: alerts.map(alertText),
    moreAlerts: isProof ? 0 : Math.max(0, incident.alertCount - alerts.length),
    notes: incident.notes.map(({ by, atMs, text }) => oneLine(`${by}, ${timeText(atMs)}: ${text}`)),
    runbook: runbookOf(incident),
    link: webLink(notification.link),
  };
}

/** @returns the message as lines of plain text. */
export function plainText(message: Message): string {
  const lines = [message.reason, ''];
  for (const [name, value] of message.facts) lines.push(`${name}: ${value}`);
  if (message.runbook !== undefined) lines.push(`Runbook: ${message.runbook}`);
  if (message.link !== undefined) lines.push(`Look at it: ${message.link}`);
  for (const alert of message.alerts) {
    lines.push('', `${alert.name} (${alert.state}, since ${alert.since})`);
    for (const text of [...alert.says, ...alert.values, ...alert.explanations]) lines.push(`  ${text}`);
  }
  if (message.moreAlerts > 0) lines.push('', `and ${count(message.moreAlerts)} more`);
  if (message.notes.length > 0) lines.push('', 'Notes:', ...message.notes.map((note) => `  ${note}`));
  return `${lines.join('\n')}\n`;
}
