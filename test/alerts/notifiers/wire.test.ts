/** What each channel puts on the wire, and how answers are read. */
import { describe, expect, test } from 'vitest';
import { outcomeOf, retryAfterMs } from '../../../src/alerts/notifiers/posted.ts';
import { channelNotifiers, fieldsOf } from '../../../src/alerts/notifiers/registry.ts';
import { signatureHeaders } from '../../../src/alerts/notifiers/webhook.ts';
import { targetGuard } from '../../../src/alerts/target-guard.ts';
import { CHANNEL_TYPES, type Notification } from '../../../src/model/incident.ts';
import type { Mailer } from '../../../src/ports/mailer.ts';
import type { OpenChannel } from '../../../src/ports/notifier.ts';
import type { Post, PostOutcome } from '../../../src/ports/outbound.ts';
import { alertOf, channelOf, incidentOf, NOW_MS, notificationOf, WEBHOOK_SECRET } from './pages.ts';

const mailer: Mailer = { needsServer: true, send: async () => ({ kind: 'accepted', detail: '' }) };

async function postsOf(channel: OpenChannel, ...pages: readonly Notification[]): Promise<readonly Post[]> {
  const posts: Post[] = [];
  const outbound = {
    async post(post: Post): Promise<PostOutcome> {
      posts.push(post);
      return { kind: 'answered', status: 202, retryAfter: undefined, body: '' };
    },
  };
  const notifiers = channelNotifiers({ outbound, mailer, policy: targetGuard({ allowTargets: [] }), nowMs: () => NOW_MS });
  for (const page of pages) expect((await notifiers[channel.type].send(page, channel)).kind).toBe('delivered');
  return posts;
}

const bodyOf = (post: Post | undefined): unknown => JSON.parse(post?.body ?? 'null');

describe('webhook', () => {
  test('the example of Standard Webhooks is signed as it says', async () => {
    const headers = await signatureHeaders(
      [WEBHOOK_SECRET],
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1_614_265_330_999,
      '{"test": 2432232314}',
    );
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
    const bare = await signatureHeaders(
      [WEBHOOK_SECRET.slice(6)],
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1_614_265_330_000,
      '{"test": 2432232314}',
    );
    expect(bare).toEqual(headers);
  });

  test('during rotation both secrets sign, and what is signed is what is sent', async () => {
    const secret = `whsec_${btoa('another secret of 24 byte')}`;
    const channel = channelOf(
      'webhook',
      { url: 'https://hooks.example.com/x' },
      { secret, previousSecret: WEBHOOK_SECRET, token: 't1' },
    );
    const [post] = await postsOf(channel, notificationOf('trigger'));
    const headers = post?.headers ?? {};
    const id = headers['webhook-id'] ?? '';
    expect(headers).toMatchObject(await signatureHeaders([secret, WEBHOOK_SECRET], id, NOW_MS, post?.body ?? ''));
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    expect(headers.authorization).toBe('Bearer t1');
    expect(id).toMatch(/^msg_[0-9a-f]{64}$/);
  });

  test('the body has a type, a time and the incident', async () => {
    const channel = channelOf('webhook', { url: 'https://hooks.example.com/x' }, { secret: WEBHOOK_SECRET });
    const posts = await postsOf(channel, notificationOf('resolve'), notificationOf('canary'));
    expect(bodyOf(posts[0])).toMatchObject({
      type: 'incident.resolve',
      timestamp: '2026-03-01T02:20:00.000Z',
      data: {
        tenant: 'acme',
        status: 'RESOLVED',
        dedupKey: 'acme/host/CpuHigh/1',
        incident: { id: 'incident-1', state: 'resolved' },
      },
    });
    expect(bodyOf(posts[1])).toMatchObject({ type: 'channel.canary' });
  });
});

describe('pagerduty', () => {
  const channel = channelOf('pagerduty', {}, { routingKey: 'R'.repeat(32) });

  test('one incident is one dedup key from trigger to resolve, to the public address by default', async () => {
    const posts = await postsOf(
      channel,
      ...(['trigger', 'acknowledge', 'resolve'] as const).map((event) => notificationOf(event)),
    );
    expect(posts.map(({ url }) => url)).toEqual(Array(3).fill('https://events.pagerduty.com/v2/enqueue'));
    expect(posts.map(bodyOf)).toMatchObject(
      ['trigger', 'acknowledge', 'resolve'].map((event_action) => ({
        event_action,
        dedup_key: 'acme/host/CpuHigh/1',
        routing_key: 'R'.repeat(32),
      })),
    );
    expect(bodyOf(posts[0])).toMatchObject({
      payload: {
        summary: 'CpuHigh on web-1',
        source: 'web-1',
        severity: 'critical',
        timestamp: '2026-03-01T02:14:05.000Z',
        group: 'host',
      },
      links: [{ href: 'https://metrics.example.com/#incident-1' }, { href: 'https://runbooks.example.com/cpu' }],
    });
  });

  test.each([
    ['critical', 'critical'],
    ['high', 'error'],
    ['informational', 'info'],
    ['warning', 'warning'],
    ['page-the-cat', 'warning'],
  ])('severity %s is its %s', async (severity, theirs) => {
    const [post] = await postsOf(channel, notificationOf('trigger', { incident: incidentOf({ severity }) }));
    expect(bodyOf(post)).toMatchObject({ payload: { severity: theirs } });
  });

  test('a key that is too long fits, and stays the same and its own', async () => {
    const keys = [`${'k'.repeat(400)}a`, `${'k'.repeat(400)}a`, `${'k'.repeat(400)}b`];
    const posts = await postsOf(channel, ...keys.map((dedupKey) => notificationOf('trigger', { dedupKey })));
    const [first, again, other] = posts.map((post) => (bodyOf(post) as { dedup_key: string }).dedup_key);
    expect(first).toHaveLength(255);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test('a test leaves nothing open, and a canary triggers nothing', async () => {
    const posts = await postsOf(channel, notificationOf('test'), notificationOf('canary'));
    expect(posts.map((post) => (bodyOf(post) as { event_action: string }).event_action)).toEqual([
      'trigger',
      'resolve',
      'resolve',
    ]);
  });
});

describe('alertmanager', () => {
  const channel = channelOf('alertmanager', { url: 'https://alerts.example.com/am/', user: 'ü' }, { password: 'p' });

  test('alerts have the shape of its API, and end only when they are over', async () => {
    const incident = incidentOf({
      alerts: [
        alertOf({ labels: { 'http.method': 'GET', '1st': 'x', empty: '' } }),
        alertOf({ client: 'web-2', state: 'resolved', atMs: NOW_MS }),
      ],
    });
    const [post] = await postsOf(channel, notificationOf('update', { incident }));
    expect(post?.url).toBe('https://alerts.example.com/am/api/v2/alerts');
    expect(post?.headers.authorization).toBe(`Basic ${Buffer.from('ü:p').toString('base64')}`);
    expect(bodyOf(post)).toMatchObject([
      {
        labels: { alertname: 'CpuHigh', host: 'web-1', severity: 'critical', tenant: 'acme', http_method: 'GET', _1st: 'x' },
        annotations: { summary: 'The processor is busy.', incident: 'incident-1', values: 'avg(cpu) = 93.2457' },
        startsAt: '2026-03-01T02:14:05.000Z',
        endsAt: '2026-03-08T02:20:00.000Z',
        generatorURL: 'https://metrics.example.com/#incident-1',
      },
      { labels: { host: 'web-2' }, endsAt: '2026-03-01T02:20:00.000Z' },
    ]);
    expect(JSON.stringify(bodyOf(post))).not.toContain('"empty"');
  });

  test('a resolved incident ends all its alerts, with the labels that they began with', async () => {
    const firing = await postsOf(channel, notificationOf('trigger'));
    const over = await postsOf(
      channel,
      notificationOf('resolve', { incident: incidentOf({ state: 'resolved', resolvedMs: NOW_MS }) }),
    );
    const [first, last] = [firing, over].map((posts) => (bodyOf(posts[0]) as { labels: object; endsAt: string }[])[0]);
    expect(last?.labels).toEqual(first?.labels);
    expect(last?.endsAt).toBe('2026-03-01T02:20:00.000Z');
  });
});

describe('answers', () => {
  const channel = channelOf('slack', {}, { url: 'https://hooks.slack.com/services/SECRET' });
  const answered = (status: number, retryAfter?: string, body = ''): PostOutcome => ({
    kind: 'answered',
    status,
    retryAfter,
    body,
  });

  test.each([
    [200, 'delivered'],
    [204, 'delivered'],
    [301, 'refused'],
    [307, 'refused'],
    [400, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [410, 'refused'],
    [408, 'retry'],
    [425, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [503, 'retry'],
  ])('%i is %s', (status, kind) => {
    expect(outcomeOf(answered(status), channel, NOW_MS).kind).toBe(kind);
  });

  test.each([
    [undefined, undefined],
    ['7', 7_000],
    [' 7 ', 7_000],
    ['0', 0],
    ['-1', 0],
    ['99999999', 900_000],
    [new Date(NOW_MS + 60_000).toUTCString(), 60_000],
    [new Date(NOW_MS - 60_000).toUTCString(), 0],
    ['soon', undefined],
  ])('Retry-After %j asks for %j ms', (text, ms) => {
    expect(retryAfterMs(text, NOW_MS)).toBe(ms);
  });

  test('what is shown of an answer is one short line without the secrets of the channel', () => {
    const body = `bad\r\n${channel.secrets.url} ${'x'.repeat(1_000)}`;
    const outcome = outcomeOf(answered(400, undefined, body), channel, NOW_MS);
    expect(outcome).toMatchObject({ kind: 'refused', reason: expect.stringMatching(/^answered 400: bad … x+…$/) });
    expect(JSON.stringify(outcome).length).toBeLessThan(300);
  });
});

test('every type of channel says which fields it takes', () => {
  for (const type of CHANNEL_TYPES) {
    const { settings, secrets } = fieldsOf(type);
    expect(Object.keys(settings).filter((name) => name in secrets && name !== 'url')).toEqual([]);
  }
});
