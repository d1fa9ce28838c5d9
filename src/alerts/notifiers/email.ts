/** Pages as mail: text and plain HTML, one thread an incident. */
import { ALERT_LIMITS } from '../../model/alert-limits.ts';
import type { Notification } from '../../model/incident.ts';
import type { MailServer } from '../../ports/mailer.ts';
import type { OpenChannel } from '../../ports/notifier.ts';
import type { ChannelKind } from './channel-kind.ts';
import { composeMessage, cut, type Message, plainText } from './message.ts';
import { digestOf } from './posted.ts';

/** Bare addresses without quotes and comments: whatever a mail server could read in two ways is none. */
const ADDRESS = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const SUBMISSION_PORT = 587;
const SUBMISSION_TLS_PORT = 465;

function addressesOf(text: string): string[] {
  return text.split(',').map((address) => address.trim());
}

function serverOf({ settings, secrets }: OpenChannel): MailServer | undefined {
  const { host } = settings;
  if (host === undefined || host === '') return undefined;
  const secure = settings.secure === 'true';
  const port = settings.port === undefined ? (secure ? SUBMISSION_TLS_PORT : SUBMISSION_PORT) : Number(settings.port);
  return { host, port, secure, user: settings.user, password: secrets.password };
}

export const emailChannel: ChannelKind = {
  settings: { to: 'required', from: 'required', host: 'optional', port: 'optional', secure: 'optional', user: 'optional' },
  secrets: { password: 'optional' },
  problems(channel, { mailer, policy }) {
    const { settings } = channel;
    const problems: string[] = [];
    const to = addressesOf(settings.to ?? '');
    if (!ADDRESS.test(settings.from ?? '')) problems.push('from is no address');
    if (!to.every((address) => ADDRESS.test(address))) problems.push('to is no list of addresses, separated by commas');
    if (to.length > ALERT_LIMITS.mailRecipientsMax) problems.push(`to has more than ${ALERT_LIMITS.mailRecipientsMax} addresses`);
    if (!['true', 'false', undefined].includes(settings.secure)) problems.push('secure has to be true or false');
    if (/[\x00-\x1f\x7f]/.test(settings.user ?? '')) problems.push('user holds control characters');
    if (!mailer.needsServer) return problems;
    const server = serverOf(channel);
    if (server === undefined) return [...problems, 'the setting host is missing'];
    const target = policy.mailServer(server.host, server.port, server.secure);
    return 'denied' in target ? [...problems, `host: ${target.denied}`] : problems;
  },
  async send(notification, channel, { mailer, policy, timeoutMs }) {
    const message = composeMessage(notification);
    const from = channel.settings.from ?? '';
    const domain = from.slice(from.indexOf('@') + 1);
    const mail = {
      from,
      to: addressesOf(channel.settings.to ?? ''),
      subject: cut(`[${message.status}] ${message.title}`, ALERT_LIMITS.mailSubjectLengthMax),
      text: plainText(message),
      html: htmlOf(message),
      messageId: `<${await digestOf(`mail ${notification.id}`)}@${domain}>`,
      thread: `<${await digestOf(`thread ${notification.tenant} ${notification.dedupKey}`)}@${domain}>`,
      urgent: isUrgent(notification),
    };
    const outcome = await mailer.send(mail, serverOf(channel), policy, timeoutMs);
    if (outcome.kind === 'accepted') return { kind: 'delivered', detail: outcome.detail };
    if (outcome.kind === 'rejected') return { kind: 'refused', reason: outcome.reason };
    return { kind: 'retry', reason: outcome.reason, retryAfterMs: undefined };
  },
};

function isUrgent({ event, incident }: Notification): boolean {
  return event === 'trigger' && (incident.severity === 'critical' || incident.severity === 'high');
}

/** Escaped for text and for attributes in double quotes. */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function linkOf(url: string): string {
  return `<a href="${escaped(url)}">${escaped(url)}</a>`;
}

/** Tags that every mail reader knows; no style sheets, no images. */
function htmlOf(message: Message): string {
  const facts = message.facts.map(([name, value]) => `<tr><td>${escaped(name)}</td><td>${escaped(value)}</td></tr>`);
  const alerts = message.alerts.map(({ name, state, since, says, values, explanations }) => {
    const lines = [...says, ...values, ...explanations].map((line) => `<br>${escaped(line)}`);
    return `<li><b>${escaped(name)}</b> (${escaped(state)}, since ${escaped(since)})${lines.join('')}</li>`;
  });
  if (message.moreAlerts > 0) alerts.push(`<li>and ${message.moreAlerts} more</li>`);
  return [
    '<!doctype html><html><body>',
    `<h2>${escaped(message.status)}: ${escaped(message.title)}</h2>`,
    `<p>${escaped(message.reason)}</p>`,
    facts.length === 0 ? '' : `<table cellpadding="4">${facts.join('')}</table>`,
    message.runbook === undefined ? '' : `<p>Runbook: ${linkOf(message.runbook)}</p>`,
    message.link === undefined ? '' : `<p>Look at it: ${linkOf(message.link)}</p>`,
    alerts.length === 0 ? '' : `<ul>${alerts.join('')}</ul>`,
    message.notes.length === 0 ? '' : `<p>Notes:${message.notes.map((note) => `<br>${escaped(note)}`).join('')}</p>`,
    '</body></html>',
  ].join('\n');
}
