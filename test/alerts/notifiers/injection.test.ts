/** What labels, annotations and names can do to a channel: nothing. Hostile texts in every place, to what is really sent. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { smtpMailer } from '../../../src/adapters/node/mailer.ts';
import { channelNotifiers, channelProblems, type NotifierOptions } from '../../../src/alerts/notifiers/registry.ts';
import { targetGuard } from '../../../src/alerts/target-guard.ts';
import type { Notification } from '../../../src/model/incident.ts';
import type { Mail, Mailer } from '../../../src/ports/mailer.ts';
import type { OpenChannel } from '../../../src/ports/notifier.ts';
import type { Outbound, Post } from '../../../src/ports/outbound.ts';
import { type SmtpReceiver, smtpReceiver } from '../../system/notify-receivers.ts';
import { alertOf, channelOf, incidentOf, NOW_MS, notificationOf, WEBHOOK_SECRET } from './pages.ts';

const HOSTILE = [
  'a\r\nBcc: evil@example.com',
  'a\nSubject: other\n\nbody',
  '\u0000\u001b[31m',
  '<!channel> <!here> <@U123> <https://evil.example|click>',
  '&lt;!channel&gt; &amp;',
  '</td><script>alert(1)</script><img src=x onerror=alert(1)>',
  '" onmouseover="alert(1)',
  '`code` *bold* _it_ ~s~',
  '\r\n.\r\nMAIL FROM:<evil@example.com>',
  '\u2028\u202e\ufeff',
  '{{ secret }} %s %n',
  '=?utf-8?B?QmNjOg==?=',
  '<'.repeat(4_000),
  '😀'.repeat(2_000),
  '\ud800',
];

/** All that a tenant, a host or a rule can say is this text. */
function hostilePage(text: string, event: Notification['event'] = 'trigger'): Notification {
  const alert = alertOf({
    rule: text,
    client: text,
    group: text,
    labels: { [text]: text, core: text },
    annotations: { summary: text, description: text, runbook_url: text },
    values: { [text]: 1 },
    explanations: [text, text],
  });
  const incident = incidentOf({
    id: text,
    title: text,
    severity: text,
    groupLabels: { [text]: text },
    acknowledgedBy: text,
    notes: [{ by: text, atMs: NOW_MS, text }],
    alerts: Array.from({ length: 25 }, () => alert),
  });
  return notificationOf(event, { id: text, tenant: text, dedupKey: text, incident, link: text });
}

function recorded(): { readonly options: NotifierOptions; readonly posts: Post[]; readonly mails: Mail[] } {
  const posts: Post[] = [];
  const mails: Mail[] = [];
  const outbound: Outbound = {
    async post(post) {
      posts.push(post);
      return { kind: 'answered', status: 200, retryAfter: undefined, body: '' };
    },
  };
  const mailer: Mailer = {
    needsServer: false,
    async send(mail) {
      mails.push(mail);
      return { kind: 'accepted', detail: '' };
    },
  };
  return { options: { outbound, mailer, policy: targetGuard({ allowTargets: [] }), nowMs: () => NOW_MS }, posts, mails };
}

const CHANNELS: readonly OpenChannel[] = [
  channelOf('slack', {}, { url: 'https://hooks.slack.com/services/T/B/x' }),
  channelOf('pagerduty', {}, { routingKey: 'R'.repeat(32) }),
  channelOf('webhook', { url: 'https://hooks.example.com/x' }, { secret: WEBHOOK_SECRET }),
  channelOf('alertmanager', { url: 'https://alerts.example.com' }),
  channelOf('email', { to: 'ops@example.com', from: 'alerts@example.com' }),
];

interface SlackText {
  readonly type: string;
  readonly text: string;
}

function checkSlack(post: Post): void {
  const { text, blocks } = JSON.parse(post.body) as {
    readonly text: string;
    readonly blocks: readonly { readonly type: string; readonly text: SlackText }[];
  };
  expect(blocks.length).toBeLessThanOrEqual(50);
  expect(text).not.toMatch(/<[^>]/);
  for (const block of blocks) {
    expect(block.text.text.length).toBeGreaterThan(0);
    expect(block.text.text.length).toBeLessThanOrEqual(block.type === 'header' ? 150 : 3_000);
    // What is left of Slack's markup is our own links.
    if (block.text.type === 'mrkdwn')
      expect(block.text.text.replace(/<https:[^<>|]*\|(?:Look at the incident|Runbook)>/g, '')).not.toMatch(/[<>]/);
  }
}

function checkPost(post: Post): void {
  for (const [name, value] of Object.entries(post.headers)) expect(`${name}: ${value}`).toMatch(/^[\x20-\x7e]+$/);
  const body = JSON.parse(post.body) as { readonly dedup_key?: string; readonly payload?: { readonly summary: string } };
  if (body.dedup_key !== undefined) expect(body.dedup_key.length).toBeLessThanOrEqual(255);
  if (body.payload !== undefined) expect(body.payload.summary.length).toBeLessThanOrEqual(1_024);
  if (post.url.includes('slack')) checkSlack(post);
}

function checkMail(mail: Mail): void {
  for (const line of [mail.subject, mail.messageId, mail.thread, mail.from, ...mail.to])
    expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  expect(mail.messageId).toMatch(/^<[0-9a-f]{64}@example\.com>$/);
  const tags = [...mail.html.matchAll(/<\/?([a-z0-9]*)([^>]*)>/gi)];
  for (const [tag, , attributes] of tags) {
    expect(tag).toMatch(
      /^<(?:!doctype html|\/?(?:html|body|h2|p|table cellpadding="4"|table|tr|td|ul|li|b|br|a)(?: href="https?:[^"<>]*")?)>$/,
    );
    expect(attributes).not.toMatch(/\bon\w+=/i);
  }
}

describe.each(CHANNELS)('$type', (channel) => {
  const send = async (page: Notification): Promise<void> => {
    const { options, posts, mails } = recorded();
    const outcome = await channelNotifiers(options)[channel.type].send(page, channel);
    expect(outcome.kind).toBe('delivered');
    expect(posts.length + mails.length).toBe(1);
    for (const post of posts) checkPost(post);
    for (const mail of mails) checkMail(mail);
  };

  test.each(HOSTILE.map((text) => [JSON.stringify(text).slice(0, 60), text]))(
    'a page made of %s does no harm',
    async (_shown, text) => {
      await send(hostilePage(text));
    },
  );

  test('a page made of anything does no harm', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.constantFrom('<', '>', '&', '|', '`', '\r', '\n', '"', ';', ',', ':', ' ', '!', '@', '\\', 'é', '\u202e', 'x'),
        ),
        async (parts) => {
          await send(hostilePage(parts.join('')));
        },
      ),
      { numRuns: 10 },
    );
  });
});

describe('a real mail server', () => {
  let receiver: SmtpReceiver;
  beforeAll(async () => {
    receiver = await smtpReceiver();
  });
  afterAll(() => receiver.close());

  test.each(HOSTILE.slice(0, 12))(
    'gets one mail to one address, with one of each header, for a page made of %j',
    async (text) => {
      receiver.mails.length = 0;
      const policy = targetGuard({ allowTargets: ['127.0.0.1'] });
      const { options } = recorded();
      const notifiers = channelNotifiers({ ...options, policy, mailer: smtpMailer({ name: 'test' }) });
      const settings = { to: 'ops@example.com', from: 'alerts@example.com', host: '127.0.0.1', port: String(receiver.port) };
      expect(await notifiers.email.send(hostilePage(text), channelOf('email', settings))).toMatchObject({ kind: 'delivered' });
      expect(receiver.mails.map(({ from, to }) => [from, to])).toEqual([['alerts@example.com', ['ops@example.com']]]);
      const [head = ''] = (receiver.mails[0]?.raw ?? '').split('\r\n\r\n');
      const names = head.split('\r\n').flatMap((line) => /^([A-Za-z-]+):/.exec(line)?.[1]?.toLowerCase() ?? []);
      expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
      expect(names).not.toContain('bcc');
    },
  );
});

describe('channels that are refused when they are saved, and when they are sent to', () => {
  const { options } = recorded();
  const email = (changes: Readonly<Record<string, string>>): OpenChannel =>
    channelOf('email', { to: 'ops@example.com', from: 'alerts@example.com', ...changes });
  const CASES: readonly (readonly [what: string, channel: OpenChannel])[] = [
    ['a line break in to', email({ to: 'a@example.com\r\nBcc: c@example.com' })],
    ['a line break in from', email({ from: 'a@example.com\nX: y' })],
    ['a name with to', email({ to: 'Ops <ops@example.com>' })],
    ['a quoted address', email({ to: '"a b"@example.com' })],
    ['an address without a domain', email({ to: 'ops' })],
    ['an empty address', email({ to: 'a@example.com,' })],
    ['too many addresses', email({ to: Array.from({ length: 51 }, (_, n) => `a${n}@example.com`).join(',') })],
    ['a setting that does not exist', email({ bcc: 'c@example.com' })],
    ['no from', channelOf('email', { to: 'ops@example.com' })],
    ['Slack elsewhere', channelOf('slack', {}, { url: 'https://hooks.slack.com.evil.example/x' })],
    ['Slack without its URL', channelOf('slack', {})],
    ['a webhook with credentials', channelOf('webhook', { url: 'https://u:p@hooks.example.com/' }, { secret: WEBHOOK_SECRET })],
    ['a webhook by http', channelOf('webhook', { url: 'http://hooks.example.com/' }, { secret: WEBHOOK_SECRET })],
    ['a webhook to loopback', channelOf('webhook', { url: 'https://127.0.0.1/' }, { secret: WEBHOOK_SECRET })],
    ['a webhook without a secret', channelOf('webhook', { url: 'https://hooks.example.com/' })],
    ['a webhook with a short secret', channelOf('webhook', { url: 'https://hooks.example.com/' }, { secret: 'whsec_AAAA' })],
    ['a token with a line break', channelOf('alertmanager', { url: 'https://a.example.com' }, { token: 'a\r\nX: y' })],
    ['an integration key that is none', channelOf('pagerduty', {}, { routingKey: 'x y' })],
    ['an Alertmanager on the metadata address', channelOf('alertmanager', { url: 'https://169.254.169.254' })],
  ];

  test.each(CASES)('%s', async (_what, channel) => {
    expect(channelProblems(channel, options)).not.toEqual([]);
    const { options: watched, posts, mails } = recorded();
    const outcome = await channelNotifiers(watched)[channel.type].send(notificationOf('trigger'), channel);
    expect(outcome.kind).toBe('refused');
    expect(posts.length + mails.length).toBe(0);
  });

  test('those of the tests above are taken', () => {
    for (const channel of CHANNELS) expect(channelProblems(channel, options)).toEqual([]);
  });
});
