/** Alerting in a real server with real receivers: from a sample to a page, over SIGKILLs, bad receivers and hosts that die. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  ALERT_FLAGS,
  ask,
  crossUntil,
  done,
  eventsOf,
  historyOf,
  incidentOf,
  incidentsOf,
  pagerdutyChannel,
  pause,
  pushSamples,
  putChannels,
  putRoute,
  QUEUE_RULES,
  receivers,
  tenantKeys,
  transitionsOf,
  until,
  verifiedWebhook,
  webhookChannel,
} from './alert-lab.ts';
import { SERVERS, type TestHost } from './hosts.ts';
import { type HttpReceiver, httpReceiver } from './notify-receivers.ts';
import { freshDataDir, type Keys, type ServerProcess, startServer } from './server-process.ts';

/** In `npm test` on Bun alone; where hosts are named, on those of them that run our command line. */
const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterAll(async () => {
  // What was started last ends first: a server before its data.
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

interface Site {
  readonly dataDir: string;
  start(): Promise<ServerProcess>;
}

/** One start after the other: on a machine that is busy three at once are not ready in their time. */
const starts: { last: Promise<unknown> } = { last: Promise.resolve() };

/** A server that is started again on the same data. */
function site(host: TestHost): Site {
  const { path, remove } = freshDataDir();
  cleanUps.push(remove);
  return {
    dataDir: path,
    async start() {
      const starting = starts.last.then(() => startServer(host, path, 0, ALERT_FLAGS));
      starts.last = starting.catch(() => undefined);
      const server = await starting;
      cleanUps.push(() => server.kill('SIGKILL'));
      return server;
    },
  };
}

async function openReceivers(): ReturnType<typeof receivers> {
  const to = await receivers();
  cleanUps.push(() => to.close());
  return to;
}

async function openReceiver(): Promise<HttpReceiver> {
  const receiver = await httpReceiver();
  cleanUps.push(() => receiver.close());
  return receiver;
}

async function sample(keys: Keys, host: string, value: number): Promise<void> {
  await pushSamples(keys, host, [{ name: 'queue_depth', value, timestamp: Date.now() }]);
}

function kindsOf(events: readonly { readonly event_action: string }[]): string[] {
  return events.map((event) => event.event_action);
}

/** Most of this is waiting: all tests of a host wait together, those that kill no server on one that they share, each as a tenant. */
describe.each(SERVERS)('$name', { timeout: 150_000, concurrent: true }, (host) => {
  const shared = site(host);
  let server: Promise<ServerProcess> | undefined;
  const tenant = async (name: string): Promise<Keys> => {
    server ??= shared.start();
    return tenantKeys(shared.dataDir, (await server).keys.url, name);
  };

  test('a rule that is set pages every kind of channel once when a sample crosses it, and all of them hear of its end', async () => {
    const keys = await tenant('pages');
    const to = await openReceivers();
    await putRoute(keys, await putChannels(keys, to));
    await done(keys, 'PUT', '/api/v1/rules', QUEUE_RULES);
    await crossUntil(keys, 'web-1', async () => (await incidentsOf(keys)).length > 0);
    const { id } = await incidentOf(keys, 'web-1', 'open');
    const counts = () => [
      to.mail.mails.length,
      ...[to.pagerduty, to.slack, to.webhook, to.alertmanager].map(({ posts }) => posts.length),
    ];
    await until('a page at each', () => counts().every((count) => count > 0));
    await sample(keys, 'web-1', 160);
    await sample(keys, 'web-1', 10);
    await incidentOf(keys, 'web-1', 'resolved');
    await until('the end at each', () => counts().every((count) => count > 1));
    await pause(SECOND_MS);
    expect(counts()).toEqual([2, 2, 2, 2, 2]);

    const [opened, ended] = to.mail.mails.map(({ raw }) => raw);
    expect(opened).toContain('The queue of web-1 holds 150');
    expect(ended).toMatch(/^Subject: \[Resolved\]/im);
    expect(kindsOf(eventsOf(to.pagerduty))).toEqual(['trigger', 'resolve']);
    expect(new Set(eventsOf(to.pagerduty).map((event) => event.dedup_key)).size).toBe(1);
    expect(to.slack.posts[0]?.body).toContain('web-1');
    expect(to.webhook.posts.map((post) => verifiedWebhook(post).event)).toEqual(['incident.trigger', 'incident.resolve']);
    expect(to.alertmanager.posts[0]?.path).toBe('/api/v2/alerts');
    expect(JSON.parse(to.alertmanager.posts[0]?.body ?? '')).toMatchObject([{ labels: { alertname: 'QueueFull' } }]);
    const { timeline } = await done<{ timeline: { kind: string }[] }>(keys, 'GET', `/api/v1/incidents/${encodeURIComponent(id)}`);
    const told = timeline.map(({ kind }) => kind);
    expect(told.filter((kind) => kind === 'delivered').length).toBeGreaterThanOrEqual(5);
    for (const kind of ['transition', 'opened', 'notified', 'resolved']) expect(told).toContain(kind);
  });

  test('a SIGKILL between send and mark: each channel has the page at least once more, and it is one incident with one dedup_key', async () => {
    const place = site(host);
    const { keys, kill } = await place.start();
    const to = await openReceivers();
    const posts = [to.pagerduty, to.slack, to.webhook, to.alertmanager];
    await putRoute(keys, await putChannels(keys, to));
    await done(keys, 'PUT', '/api/v1/rules', QUEUE_RULES);
    for (const receiver of posts) receiver.behave('hang');
    to.mail.behave('data', 0);
    await crossUntil(keys, 'web-1', () => posts.every((receiver) => receiver.posts.length > 0));
    const before = await incidentOf(keys, 'web-1', 'open');
    await kill('SIGKILL');
    for (const receiver of posts) receiver.behave({ status: 202 });
    to.mail.behave('data', 250);
    const again = await place.start();
    await until('each page again', () => posts.every((receiver) => receiver.posts.length > 1) && to.mail.mails.length > 0);
    expect((await incidentOf(again.keys, 'web-1', 'open')).id).toBe(before.id);
    await sample(again.keys, 'web-1', 10);
    await incidentOf(again.keys, 'web-1', 'resolved');
    await until('the end', () => eventsOf(to.pagerduty).some((event) => event.event_action === 'resolve'));
    expect(new Set(eventsOf(to.pagerduty).map((event) => event.dedup_key)).size).toBe(1);
    const actions = kindsOf(eventsOf(to.pagerduty));
    expect(actions.filter((action) => action === 'trigger').length).toBeGreaterThan(1);
    expect(actions.filter((action) => action !== 'trigger')).toEqual(['resolve']);
    // A receiver of webhooks tells a repeat by its id.
    const [first, second] = to.webhook.posts.map((post) => verifiedWebhook(post));
    expect(second).toEqual(first);
  });

  test('a SIGKILL while alerts are pending or fire: the same transitions, no second page, no false end', async () => {
    const place = site(host);
    const first = await place.start();
    const pager = await openReceiver();
    await done(first.keys, 'PUT', '/api/v1/channels/pager', pagerdutyChannel(pager.url));
    await putRoute(first.keys, ['pager']);
    const slow = '      - { alert: SlowQueue, expr: avg(queue_wait) > 100, for: 2m, severity: critical }\n';
    await done(first.keys, 'PUT', '/api/v1/rules', `${QUEUE_RULES}${slow}`);
    await crossUntil(first.keys, 'fires-1', () => pager.posts.length > 0);
    // A minute is judged when its host sends a sample of ten seconds after it.
    const minuteMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
    const wait = (keys: Keys, timestamp: number) => pushSamples(keys, 'pends-1', [{ name: 'queue_wait', value: 101, timestamp }]);
    await wait(first.keys, minuteMs - 2 * MINUTE_MS + SECOND_MS);
    await wait(first.keys, minuteMs - MINUTE_MS + 20 * SECOND_MS);
    await until('what is pending', async () =>
      (await transitionsOf(first.keys, 'pends-1')).some((one) => one.endsWith('>pending')),
    );
    const before = [...(await transitionsOf(first.keys, 'fires-1')), ...(await transitionsOf(first.keys, 'pends-1'))];
    await first.kill('SIGKILL');

    const { keys, kill } = await place.start();
    await pause(Math.max(0, minuteMs + 12 * SECOND_MS - Date.now()));
    await wait(keys, Date.now());
    await until('the second alert', async () => (await transitionsOf(keys, 'pends-1')).some((one) => one.endsWith('>firing')));
    const after = [...(await transitionsOf(keys, 'fires-1')), ...(await transitionsOf(keys, 'pends-1'))];
    expect(after).toEqual(expect.arrayContaining(before));
    expect(new Set(after).size).toBe(after.length);
    await kill('SIGKILL');

    const last = await place.start();
    await pause(2 * SECOND_MS);
    expect((await incidentsOf(last.keys)).map(({ state, group_labels: of }) => `${of.host} ${state}`).sort()).toEqual([
      'fires-1 open',
      'pends-1 open',
    ]);
    expect(new Set(eventsOf(pager).map((event) => event.dedup_key)).size).toBe(2);
    expect(kindsOf(eventsOf(pager))).not.toContain('resolve');
    await sample(last.keys, 'fires-1', 10);
    await incidentOf(last.keys, 'fires-1', 'resolved');
    const kinds = (await transitionsOf(last.keys, 'fires-1')).map((one) => one.slice(one.lastIndexOf(' ') + 1));
    expect(kinds).toEqual(['inactive>firing', 'firing>resolved']);
  });

  test('receivers that hang, talk without end, fail, ask for time or redirect do not keep the page from the others', async () => {
    const keys = await tenant('receivers');
    const names = ['hangs', 'endless', 'dies', 'busy', 'broken', 'redirects', 'good'] as const;
    const all = new Map<string, HttpReceiver>();
    for (const name of names) {
      const receiver = await openReceiver();
      all.set(name, receiver);
      await done(keys, 'PUT', `/api/v1/channels/${name}`, webhookChannel(receiver.url));
    }
    const target = await openReceiver();
    const of = (name: (typeof names)[number]) => all.get(name) as HttpReceiver;
    of('hangs').behave('hang');
    of('endless').behave('endless');
    of('dies').behave('die-mid-answer', { status: 200 });
    of('busy').behave({ status: 429, headers: { 'retry-after': '1' } }, { status: 200 });
    of('broken').behave({ status: 500 }, { status: 200 });
    of('redirects').behave({ status: 307, headers: { location: target.url } });
    await putRoute(keys, names);
    await done(keys, 'PUT', '/api/v1/rules', QUEUE_RULES);
    await crossUntil(keys, 'web-1', () => of('good').posts.length > 0);
    await crossUntil(keys, 'web-2', () => of('good').posts.length > 1);
    for (const name of ['dies', 'busy', 'broken'] as const) await until(name, () => of(name).posts.length > 1);
    await until('word of the redirect', async () => {
      const failed = (await historyOf(keys)).filter(({ kind }) => kind === 'delivery_failed');
      return failed.some(({ text }) => text.includes('redirects are not followed'));
    });
    expect(target.posts).toEqual([]);
    expect((await incidentOf(keys, 'web-1', 'open')).delivery).toBe('delivered');
  });

  test('a host whose agent was stopped pages; one that was retired does not, and what it had is over', async () => {
    const keys = await tenant('silence');
    const pager = await openReceiver();
    await done(keys, 'PUT', '/api/v1/channels/pager', pagerdutyChannel(pager.url));
    await putRoute(keys, ['pager']);
    await done(keys, 'PUT', '/api/v1/rules', 'builtin:\n  HostSilent: { params: { seconds: 8 } }\n');
    await sample(keys, 'retired-1', 1);
    const agent = startAgent(host, shared.dataDir, keys, 'agent-1');
    await until('the agent', async () => (await clientsOf(keys)).includes('agent-1'));
    retire(host, keys, 'retired-1');
    agent.kill('SIGTERM');
    await once(agent, 'exit');
    await until('the page', () => pager.posts.length > 0, 120_000);
    const incident = await incidentOf(keys, 'agent-1', 'open');
    expect(pager.posts[0]?.body).toContain('agent-1 has been silent for');
    retire(host, keys, 'agent-1');
    await until('its end', async () => (await incidentsOf(keys)).every(({ state }) => state === 'resolved'));
    await until('word of it', () => pager.posts.length > 1);
    expect((await incidentsOf(keys)).map(({ id }) => id)).toEqual([incident.id]);
    expect(kindsOf(eventsOf(pager))).toEqual(['trigger', 'resolve']);
  });

  test('what is silenced pages when the silence is lifted; who acknowledges is named; another tenant sees and changes nothing', async () => {
    const keys = await tenant('silences');
    const pager = await openReceiver();
    await done(keys, 'PUT', '/api/v1/channels/pager', pagerdutyChannel(pager.url));
    await putRoute(keys, ['pager']);
    await done(keys, 'PUT', '/api/v1/rules', QUEUE_RULES);
    const silence = { match: { host: 'quiet-*' }, comment: 'disks are changed', ends_ms: Date.now() + MINUTE_MS * 60 };
    const { id: silenceId } = await done<{ id: string }>(keys, 'POST', '/api/v1/silences', silence);
    await crossUntil(keys, 'quiet-1', async () => (await incidentsOf(keys)).some(({ delivery }) => delivery === 'silenced'));
    await crossUntil(keys, 'loud-1', () => pager.posts.length > 0);
    const loud = await incidentOf(keys, 'loud-1', 'open');
    const path = `/api/v1/incidents/${encodeURIComponent(loud.id)}`;

    const { admin: other } = await tenant('other');
    for (const list of ['incidents', 'alerts', 'silences', 'channels', 'routes', 'history', 'audit']) {
      const { body } = await ask<Record<string, unknown[]>>(keys, 'GET', `/api/v1/${list}`, undefined, other);
      expect(Object.values(body)).toEqual([[]]);
    }
    expect((await ask(keys, 'GET', path, undefined, other)).status).toBe(404);
    expect((await ask(keys, 'POST', `${path}/acknowledge`, undefined, other)).status).toBe(404);
    expect((await ask(keys, 'DELETE', `/api/v1/silences/${silenceId}`, undefined, other)).status).toBe(404);
    expect((await ask(keys, 'POST', '/api/v1/channels/pager/test', undefined, other)).status).toBe(404);
    expect((await ask<string>(keys, 'GET', '/api/v1/rules', undefined, other)).body).not.toContain('QueueFull');

    await done(keys, 'POST', `${path}/acknowledge`);
    expect((await incidentOf(keys, 'loud-1', 'acknowledged')).acknowledged_by).not.toBe(null);
    await until('the acknowledgement', () => pager.posts.length > 1);
    expect(kindsOf(eventsOf(pager))).toEqual(['trigger', 'acknowledge']);
    expect(new Set(eventsOf(pager).map((event) => event.dedup_key)).size).toBe(1);
    await done(keys, 'DELETE', `/api/v1/silences/${silenceId}`);
    await until('the page that was held', () => pager.posts.length > 2);
    expect((await incidentOf(keys, 'quiet-1', 'open')).delivery).not.toBe('silenced');
  });
});

async function clientsOf(keys: Keys): Promise<string[]> {
  const { clients } = await done<{ clients: { client_id: string }[] }>(keys, 'GET', '/api/v1/clients');
  return clients.map((one) => one.client_id);
}

function startAgent({ command: [runtime, ...args] }: TestHost, dataDir: string, keys: Keys, client: string): ChildProcess {
  const flags = ['--url', keys.url, '--client', client, '--interval', '1s', '--spool-dir', join(dataDir, 'spool')];
  const agent = spawn(runtime, [...args, 'src/runtimes/cli.ts', 'agent', ...flags], {
    stdio: 'ignore',
    env: { ...process.env, METRICSTREAM_KEY: keys.ingest },
  });
  cleanUps.push(() => agent.kill('SIGKILL'));
  return agent;
}

function retire({ command: [runtime, ...args] }: TestHost, { url, admin }: Keys, client: string): void {
  const flags = ['--url', url, '--key', admin];
  const { status, stderr } = spawnSync(runtime, [...args, 'src/runtimes/cli.ts', 'clients', 'retire', client, ...flags], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${client} was not retired: ${stderr}`);
}
