/** Pages to Slack by an incoming webhook, as blocks. */
import { ALERT_LIMITS } from '../../model/alert-limits.ts';
import type { ChannelKind } from './channel-kind.ts';
import { composeMessage, cut, type Message, type MessageAlert } from './message.ts';
import { postJson, targetProblem } from './posted.ts';

const HOSTS = ['hooks.slack.com', 'hooks.slack-gov.com'];

export const slackChannel: ChannelKind = {
  settings: {},
  /** Who knows the URL can post. */
  secrets: { url: 'required' },
  problems({ secrets }, { policy }) {
    const problem = targetProblem('url', secrets.url, policy);
    if (problem !== undefined) return [problem];
    const target = policy.target(secrets.url ?? '');
    const isSlack = !('denied' in target) && (target.allowed || HOSTS.includes(target.host));
    return isSlack ? [] : [`url: not at ${HOSTS[0]}`];
  },
  send(notification, channel, options) {
    const message = composeMessage(notification);
    const body = JSON.stringify({ text: fallback(message), blocks: blocksOf(message), unfurl_links: false, unfurl_media: false });
    return postJson(options, channel, { url: channel.secrets.url ?? '', body });
  },
};

/** What Slack's markup begins with: without a `<` there is no mention, no link and no `<!channel>`. */
function escaped(long: string): string {
  const text = cut(long, ALERT_LIMITS.slackTextLengthMax);
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Text in code marks, where no other mark counts. */
function code(text: string): string {
  return `\`${escaped(text.replaceAll('`', "'"))}\``;
}

/** What is shown where blocks are not: in notifications. Escaped, as Slack reads marks there, too. */
function fallback(message: Message): string {
  return escaped(`[${message.status}] ${message.title}`);
}

type Block = Readonly<Record<string, unknown>>;

/** Lines that fit in one section: cut between lines, as a cut within an escape would be read as text. */
function section(lines: readonly string[]): Block {
  let text = '';
  for (const line of lines) {
    const longer = text === '' ? line : `${text}\n${line}`;
    if (longer.length > ALERT_LIMITS.slackSectionLengthMax - 2) {
      text = text === '' ? '…' : `${text}\n…`;
      break;
    }
    text = longer;
  }
  // verbatim: names of people and channels, and web addresses, in what alerts say stay text.
  return { type: 'section', text: { type: 'mrkdwn', text, verbatim: true } };
}

function alertLines({ name, state, since, says, values, explanations }: MessageAlert): string[] {
  return [
    `*${escaped(name)}* (${escaped(state)}, since ${escaped(since)})`,
    ...[...says, ...explanations].map(escaped),
    ...values.map(code),
  ];
}

function blocksOf(message: Message): Block[] {
  const title = cut(`${message.status}: ${message.title}`, ALERT_LIMITS.slackHeaderLengthMax);
  const facts = message.facts.map(([name, value]) => `*${escaped(name)}:* ${escaped(value)}`);
  const links = [
    ...(message.link === undefined ? [] : [`<${escaped(message.link)}|Look at the incident>`]),
    ...(message.runbook === undefined ? [] : [`<${escaped(message.runbook)}|Runbook>`]),
  ];
  const blocks: Block[] = [
    { type: 'header', text: { type: 'plain_text', text: title, emoji: false } },
    section([escaped(message.reason), ...facts, ...(links.length === 0 ? [] : [links.join('  ·  ')])]),
    ...message.alerts.map((alert) => section(alertLines(alert))),
  ];
  if (message.moreAlerts > 0) blocks.push(section([`and ${message.moreAlerts} more`]));
  if (message.notes.length > 0) blocks.push(section(['*Notes*', ...message.notes.map(escaped)]));
  return blocks.slice(0, ALERT_LIMITS.slackBlocksMax);
}
