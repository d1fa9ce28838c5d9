/** The notifier contract on all channels, each against a real receiver of its kind. */
import { bindingMailer, type SendEmailBinding } from '../../src/adapters/durable-objects/mailer.ts';
import { fetchOutbound } from '../../src/adapters/durable-objects/outbound.ts';
import { smtpMailer } from '../../src/adapters/node/mailer.ts';
import { nodeOutbound } from '../../src/adapters/node/outbound.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { channelNotifiers } from '../../src/alerts/notifiers/registry.ts';
import { targetGuard } from '../../src/alerts/target-guard.ts';
import type { OpenChannel } from '../../src/ports/notifier.ts';
import type { Outbound } from '../../src/ports/outbound.ts';
import { channelOf, NOW_MS, WEBHOOK_SECRET } from '../alerts/notifiers/pages.ts';
import { type Behaviour, httpReceiver, type ReceivedPost, smtpReceiver } from '../system/notify-receivers.ts';
import { type Arrival, describeNotifier, type NotifierLab } from './suites/notifier.ts';

const policy = targetGuard({ allowTargets: ['127.0.0.1'] });
const mailer = smtpMailer({ name: 'test' });

const BEHAVIOURS: Readonly<Record<Parameters<NotifierLab['behave']>[0], Behaviour>> = {
  accept: { status: 202, body: 'ok' },
  hang: 'hang',
  busy: { status: 429, headers: { 'retry-after': '2' } },
  refuse: { status: 400, body: 'no, routing-key-1 is not known here' },
  die: 'die-mid-answer',
};

async function httpLab(
  outbound: Outbound,
  channel: (url: string) => OpenChannel,
  read: (post: ReceivedPost) => Arrival,
): Promise<NotifierLab> {
  const receiver = await httpReceiver();
  const opened = channel(receiver.url);
  const options = { outbound, mailer, policy, nowMs: () => NOW_MS };
  return {
    notifier: (timeoutMs) => channelNotifiers({ ...options, timeoutMs })[opened.type],
    channel: opened,
    arrivals: () => receiver.posts.map(read),
    behave: (how) => receiver.behave(BEHAVIOURS[how]),
    close: () => receiver.close(),
  };
}

interface PagerdutyEvent {
  readonly event_action: string;
  readonly dedup_key: string;
}

function readPagerduty({ body }: ReceivedPost): Arrival {
  const event = JSON.parse(body) as PagerdutyEvent;
  return { id: `${event.event_action} ${event.dedup_key}`, incident: event.dedup_key, text: body };
}

function readWebhook({ headers, body }: ReceivedPost): Arrival {
  const { data } = JSON.parse(body) as { readonly data: { readonly dedupKey: string } };
  return { id: String(headers['webhook-id']), incident: data.dedupKey, text: body };
}

/** Slack knows neither repeats nor incidents: what is the same, reads the same. */
function readSlack({ body }: ReceivedPost): Arrival {
  return { id: body, incident: /incident-\d/.exec(body)?.[0] ?? '', text: body };
}

function readAlertmanager({ body }: ReceivedPost): Arrival {
  const [alert] = JSON.parse(body) as readonly {
    readonly labels: object;
    readonly startsAt: string;
    readonly annotations: { readonly incident?: string };
  }[];
  const id = JSON.stringify([alert?.labels, alert?.startsAt]);
  return { id, incident: alert?.annotations.incident ?? '', text: body };
}

const fetching = fetchOutbound({ fetch: (url, init) => fetch(url, init), clock: systemClock() });

for (const [host, outbound] of [
  ['sockets', nodeOutbound()],
  ['fetch', fetching],
] as const) {
  describeNotifier(`pagerduty by ${host}`, () =>
    httpLab(
      outbound,
      (url) => channelOf('pagerduty', { url: `${url}/v2/enqueue` }, { routingKey: 'routing-key-1' }),
      readPagerduty,
    ),
  );
  describeNotifier(`webhook by ${host}`, () =>
    httpLab(outbound, (url) => channelOf('webhook', { url: `${url}/hook` }, { secret: WEBHOOK_SECRET }), readWebhook),
  );
}

describeNotifier('slack', () =>
  httpLab(nodeOutbound(), (url) => channelOf('slack', {}, { url: `${url}/services/T/B/x` }), readSlack),
);

describeNotifier(
  'alertmanager',
  () => httpLab(nodeOutbound(), (url) => channelOf('alertmanager', { url }, { token: 'token-1' }), readAlertmanager),
  ['acknowledge'],
);

/** By the header, and the text as a reader sees it. */
function readMail(raw: string): Arrival {
  const folded = raw.replace(/\r\n[ \t]+/g, ' ');
  const header = (name: string): string => new RegExp(`^${name}: (.*)$`, 'im').exec(folded)?.[1]?.trim() ?? '';
  const text = raw
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return { id: header('Message-ID'), incident: header('References'), text };
}

const SMTP_CODES = { accept: 250, hang: 0, busy: 451, refuse: 554, die: 421 } as const;

describeNotifier('email by SMTP', async () => {
  const receiver = await smtpReceiver({ login: { user: 'mailer', password: 'password-1' } });
  const settings = { to: 'ops@example.com, boss@example.com', from: 'alerts@example.com', host: '127.0.0.1', user: 'mailer' };
  const options = { outbound: nodeOutbound(), mailer, policy, nowMs: () => NOW_MS };
  return {
    notifier: (timeoutMs) => channelNotifiers({ ...options, timeoutMs }).email,
    channel: channelOf('email', { ...settings, port: String(receiver.port) }, { password: 'password-1' }),
    arrivals: () => receiver.mails.map(({ raw }) => readMail(raw)),
    behave: (how) => receiver.behave('data', SMTP_CODES[how]),
    close: () => receiver.close(),
  };
});

describeNotifier('email by a send_email binding', async () => {
  const arrived: Arrival[] = [];
  const codes = {
    accept: '',
    hang: '',
    busy: 'E_RATE_LIMIT_EXCEEDED',
    refuse: 'E_SENDER_NOT_VERIFIED',
    die: 'E_INTERNAL_SERVER_ERROR',
  };
  let how: keyof typeof codes = 'accept';
  const binding: SendEmailBinding = {
    async send({ subject, text, headers }) {
      if (how === 'hang') await new Promise(() => {});
      if (codes[how] !== '') throw Object.assign(new Error('no'), { code: codes[how] });
      // The platform numbers mails itself.
      arrived.push({ id: subject, incident: headers.References ?? '', text: `${subject}\n${text}` });
    },
  };
  const fetched = bindingMailer({ binding, clock: systemClock() });
  const options = { outbound: fetching, mailer: fetched, policy, nowMs: () => NOW_MS };
  return {
    notifier: (timeoutMs) => channelNotifiers({ ...options, timeoutMs }).email,
    channel: channelOf('email', { to: 'ops@example.com', from: 'alerts@example.com' }),
    arrivals: () => arrived,
    behave(next) {
      how = next;
    },
    close: async () => {},
  };
});
