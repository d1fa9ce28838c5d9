/** Pages as JSON to any receiver, signed as Standard Webhooks says. */
import { ALERT_LIMITS } from '../../model/alert-limits.ts';
import type { Notification } from '../../model/incident.ts';
import type { ChannelKind } from './channel-kind.ts';
import { composeMessage, plainText } from './message.ts';
import { digestOf, isHeaderValue, postJson, targetProblem } from './posted.ts';

/*
 * webhook-id         the notification's id: the same with every attempt
 * webhook-timestamp  Unix seconds of the attempt
 * webhook-signature  "v1," base64(HMAC-SHA-256(secret, ID "." TIMESTAMP "." BODY)); one for each secret, with a space between
 * secret             "whsec_" base64 of 24 to 64 bytes
 * body               { "type", "timestamp", "data": { … } }
 */
const SECRET = /^(?:whsec_)?[A-Za-z0-9+/]+={0,2}$/;

/** @returns undefined for what is no secret of the standard. */
function secretBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!SECRET.test(text)) return undefined;
  const base64 = text.replace(/^whsec_/, '').replace(/=+$/, '');
  if (base64.length % 4 === 1) return undefined;
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return bytes.length >= ALERT_LIMITS.webhookSecretBytesMin && bytes.length <= ALERT_LIMITS.webhookSecretBytesMax
    ? bytes
    : undefined;
}

/** @returns the three headers. @param secrets those that a receiver may know, the newest first. */
export async function signatureHeaders(
  secrets: readonly string[],
  id: string,
  nowMs: number,
  body: string,
): Promise<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signatures: string[] = [];
  for (const bytes of secrets.flatMap((secret) => secretBytes(secret) ?? [])) {
    const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const signature = new Uint8Array(await crypto.subtle.sign('HMAC', key, signed));
    signatures.push(`v1,${btoa(String.fromCharCode(...signature))}`);
  }
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

/** An id without the full stop that separates what is signed. */
async function idOf({ id }: Notification): Promise<string> {
  return /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : `msg_${await digestOf(id)}`;
}

function bodyOf(notification: Notification): string {
  const { id, tenant, channel, event, dedupKey, atMs, incident, link } = notification;
  const message = composeMessage(notification);
  const type = event === 'test' || event === 'canary' ? `channel.${event}` : `incident.${event}`;
  const { status, title, runbook } = message;
  const data = { id, tenant, channel, event, dedupKey, status, title, text: plainText(message), link, runbook, incident };
  return JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data });
}

export const webhookChannel: ChannelKind = {
  settings: { url: 'optional' },
  /** `url`: the whole of it, where its query is secret. `previousSecret` signs, too, while receivers change over. */
  secrets: { secret: 'required', previousSecret: 'optional', url: 'optional', token: 'optional' },
  problems({ settings, secrets }, { policy }) {
    const problems: string[] = [];
    const target = targetProblem('url', secrets.url ?? settings.url, policy);
    if (target !== undefined) problems.push(target);
    for (const name of ['secret', 'previousSecret'] as const) {
      const secret = secrets[name];
      if (secret !== undefined && secretBytes(secret) === undefined) {
        problems.push(
          `${name} has to be whsec_ and the base64 of ${ALERT_LIMITS.webhookSecretBytesMin} to ${ALERT_LIMITS.webhookSecretBytesMax} bytes`,
        );
      }
    }
    if (secrets.token !== undefined && !isHeaderValue(secrets.token)) problems.push('token holds what cannot stand in a header');
    return problems;
  },
  async send(notification, channel, options) {
    const { secret, previousSecret, token, url } = channel.secrets;
    const body = bodyOf(notification);
    const keys = [secret, previousSecret].flatMap((text) => text ?? []);
    const headers = {
      ...(await signatureHeaders(keys, await idOf(notification), options.nowMs(), body)),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    return postJson(options, channel, { url: url ?? channel.settings.url ?? '', body, headers });
  },
};
