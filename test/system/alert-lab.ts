/** What tests of running alerting work with: the API as an admin uses it, receivers of every kind, and waits for what has to come. */
import { createHmac } from 'node:crypto';
import { createKey } from '../../src/edge/keys.ts';
import { readSecrets } from '../../src/runtimes/data-dir.ts';
import { type HttpReceiver, httpReceiver, type ReceivedPost, type SmtpReceiver, smtpReceiver } from './notify-receivers.ts';
import type { Keys } from './server-process.ts';

/** Channels of servers under test reach loopback. */
export const ALERT_FLAGS = ['--alert-targets', '127.0.0.1'] as const;

const SECRET_BYTES = Buffer.from('a secret of at least 24 bytes, as the standard wants');
const WEBHOOK_SECRET = `whsec_${SECRET_BYTES.toString('base64')}`;
/** A machine that runs everything else at once takes its time. */
const WAIT_MS = 30_000;
const POLL_MS = 50;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks until there is an answer. @throws what was waited for, where it does not come. */
export async function until<T>(
  what: string,
  read: () => Promise<T | undefined | false> | T | undefined | false,
  waitMs = WAIT_MS,
): Promise<T> {
  const untilMs = Date.now() + waitMs;
  while (Date.now() < untilMs) {
    const found = await read();
    if (found !== undefined && found !== false) return found;
    await pause(POLL_MS);
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Keys of another tenant of a server, so that tests share one and see nothing of each other. */
export async function tenantKeys(dataDir: string, url: string, tenant: string): Promise<Keys> {
  const { current } = readSecrets(dataDir, {});
  const make = async (role: 'ingest' | 'read' | 'admin') => (await createKey(current, { tenant, role }, Date.now())).key;
  return { url, ingest: await make('ingest'), read: await make('read'), admin: await make('admin') };
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** One call of the API. */
export async function ask<T = unknown>(
  keys: Keys,
  method: string,
  path: string,
  body?: unknown,
  key = keys.admin,
): Promise<Answer<T>> {
  const isYaml = typeof body === 'string';
  const response = await fetch(`${keys.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': isYaml ? 'application/yaml' : 'application/json' }),
    },
    ...(body === undefined ? {} : { body: isYaml ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, body: (isJson ? JSON.parse(text) : text) as T };
}

/** @throws where the answer is no 2xx. */
export async function done<T = unknown>(keys: Keys, method: string, path: string, body?: unknown): Promise<T> {
  const answer = await ask<T>(keys, method, path, body);
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}

export interface Sample {
  readonly name: string;
  readonly value: number;
  readonly timestamp: number;
}

export async function pushSamples(keys: Pick<Keys, 'url' | 'ingest'>, client: string, metrics: readonly Sample[]): Promise<void> {
  const response = await fetch(`${keys.url}/metrics`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.ingest}`, 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: client, metrics }),
  });
  const text = await response.text();
  if (response.status !== 202) throw new Error(`the push was answered ${response.status}: ${text}`);
}

export interface IncidentRow {
  readonly id: string;
  readonly state: string;
  readonly delivery: string;
  readonly title: string;
  readonly group_labels: Readonly<Record<string, string>>;
  readonly acknowledged_by: string | null;
  readonly opened_ms: number;
  readonly alert_count: number;
}

export async function incidentsOf(keys: Keys): Promise<readonly IncidentRow[]> {
  return (await done<{ incidents: IncidentRow[] }>(keys, 'GET', '/api/v1/incidents')).incidents;
}

/** The only incident of a host, once it is in this state. */
export function incidentOf(keys: Keys, host: string, state: string): Promise<IncidentRow> {
  return until(`an incident of ${host} that is ${state}`, async () => {
    const [one, another] = (await incidentsOf(keys)).filter(({ group_labels: labels }) => labels.host === host);
    if (another !== undefined) throw new Error(`${host} has two incidents`);
    return one?.state === state && one;
  });
}

export interface HistoryRow {
  readonly incident: string | null;
  readonly kind: string;
  readonly text: string;
  readonly transition: { readonly id: string; readonly client_id: string; readonly from: string; readonly to: string } | null;
}

export async function historyOf(keys: Keys): Promise<readonly HistoryRow[]> {
  return (await done<{ history: HistoryRow[] }>(keys, 'GET', '/api/v1/history')).history;
}

/** Transitions of a host in their order, each as `id from>to`. */
export async function transitionsOf(keys: Keys, host: string): Promise<readonly string[]> {
  const rows = (await historyOf(keys)).flatMap(({ transition }) => transition ?? []);
  return rows.filter(({ client_id: client }) => client === host).map(({ id, from, to }) => `${id} ${from}>${to}`);
}

/** One of every kind, on loopback. */
export interface Receivers {
  readonly mail: SmtpReceiver;
  readonly pagerduty: HttpReceiver;
  readonly slack: HttpReceiver;
  readonly webhook: HttpReceiver;
  readonly alertmanager: HttpReceiver;
  close(): Promise<void>;
}

export async function receivers(): Promise<Receivers> {
  const mail = await smtpReceiver();
  const [pagerduty, slack, webhook, alertmanager] = [
    await httpReceiver(),
    await httpReceiver(),
    await httpReceiver(),
    await httpReceiver(),
  ];
  const all = [mail, pagerduty, slack, webhook, alertmanager];
  return {
    ...{ mail, pagerduty, slack, webhook, alertmanager },
    async close() {
      await Promise.all(all.map((one) => one.close()));
    },
  };
}

export function webhookChannel(url: string): unknown {
  return { type: 'webhook', settings: { url }, secrets: { secret: WEBHOOK_SECRET } };
}

export function pagerdutyChannel(url: string): unknown {
  return { type: 'pagerduty', settings: { url: `${url}/v2/enqueue` }, secrets: { routingKey: 'R0123456789ABCDEF' } };
}

/** A channel for each receiver, called as its kind is. */
export async function putChannels(keys: Keys, to: Receivers): Promise<readonly string[]> {
  const settings = { from: 'alerts@example.com', to: 'ops@example.com', host: '127.0.0.1', port: String(to.mail.port) };
  const channels = {
    mail: { type: 'email', settings },
    pagerduty: pagerdutyChannel(to.pagerduty.url),
    slack: { type: 'slack', secrets: { url: `${to.slack.url}/services/T/B/X` } },
    webhook: webhookChannel(to.webhook.url),
    alertmanager: { type: 'alertmanager', settings: { url: to.alertmanager.url } },
  };
  for (const [id, channel] of Object.entries(channels)) await done(keys, 'PUT', `/api/v1/channels/${id}`, channel);
  return Object.keys(channels);
}

/** Every alert goes at once to these channels, an incident for each rule and host. */
export async function putRoute(keys: Keys, channels: readonly string[]): Promise<void> {
  const route = { match: {}, channels, group_by: ['rule', 'host'], group_wait_ms: 0, group_interval_ms: 1 };
  await done(keys, 'PUT', '/api/v1/routes/all', route);
}

/** Pages on the sample that is above, and ends on one that is far below. */
export const QUEUE_RULES = `groups:
  - name: queues
    rules:
      - alert: QueueFull
        expr: last(queue_depth) > 100
        clear: last(queue_depth) < 50
        severity: critical
        annotations: { summary: 'The queue of {{ host }} holds {{ value }}' }
`;

/** Until a rule that was just set is in force where the host is judged, samples pass it by: so more than one is sent. */
export async function crossUntil(keys: Keys, host: string, isSeen: () => Promise<boolean> | boolean): Promise<void> {
  await until(`what ${host} causes`, async () => {
    await pushSamples(keys, host, [{ name: 'queue_depth', value: 150, timestamp: Date.now() }]);
    return isSeen();
  });
}

/** @throws where the signature is not what Standard Webhooks says. */
export function verifiedWebhook({ headers, body }: ReceivedPost): { readonly id: string; readonly event: string } {
  const id = String(headers['webhook-id']);
  const mac = createHmac('sha256', SECRET_BYTES).update(`${id}.${headers['webhook-timestamp']}.${body}`).digest('base64');
  if (headers['webhook-signature'] !== `v1,${mac}`) throw new Error(`signed ${headers['webhook-signature']}, not v1,${mac}`);
  return { id, event: String((JSON.parse(body) as { type: string }).type) };
}

export interface PagerdutyEvent {
  readonly event_action: string;
  readonly dedup_key: string;
}

export function eventsOf({ posts }: HttpReceiver): readonly PagerdutyEvent[] {
  return posts.map(({ body }) => JSON.parse(body) as PagerdutyEvent);
}
