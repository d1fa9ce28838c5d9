/** What the channels that speak HTTP have in common: one guarded POST, and what its answer means. */
import { ALERT_LIMITS } from '../../model/alert-limits.ts';
import type { DeliveryOutcome, OpenChannel } from '../../ports/notifier.ts';
import type { PostOutcome, TargetPolicy } from '../../ports/outbound.ts';
import type { ChannelOptions } from './channel-kind.ts';
import { oneLine } from './message.ts';

/** Answers after which the same page may pass. */
const PASSING = [408, 421, 425, 429];

/** @returns the wait that a Retry-After asks for, in seconds or as a date; bounded, undefined where it says nothing. */
export function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const waitMs = /^\s*\d{1,9}\s*$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(ALERT_LIMITS.retryAfterMostMs, Math.max(0, waitMs));
}

/** The beginning of an answer, as far as it can be shown: without the channel's own secrets, which some receivers repeat. */
function shown(body: string, channel: OpenChannel): string {
  let text = body;
  for (const secret of Object.values(channel.secrets)) if (secret !== '') text = text.replaceAll(secret, '…');
  const line = oneLine(text, ALERT_LIMITS.answerShownLengthMax);
  return line === '' ? '' : `: ${line}`;
}

/** 2xx is delivered; 5xx and "later" may pass; all else, redirects too, will be the same next time. */
export function outcomeOf(answer: PostOutcome, channel: OpenChannel, nowMs: number): DeliveryOutcome {
  if (answer.kind === 'denied') return { kind: 'refused', reason: `the target may not be reached: ${answer.reason}` };
  if (answer.kind === 'failed') return { kind: 'retry', reason: answer.reason, retryAfterMs: undefined };
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'delivered', detail: `answered ${status}` };
  if (status >= 300 && status < 400) return { kind: 'refused', reason: `answered ${status}: redirects are not followed` };
  const reason = `answered ${status}${shown(answer.body, channel)}`;
  if (status < 500 && !PASSING.includes(status)) return { kind: 'refused', reason };
  return { kind: 'retry', reason, retryAfterMs: retryAfterMs(answer.retryAfter, nowMs) };
}

/** Posts JSON. @returns what its answer means. */
export async function postJson(
  options: ChannelOptions,
  channel: OpenChannel,
  post: { readonly url: string; readonly body: string; readonly headers?: Readonly<Record<string, string>> },
): Promise<DeliveryOutcome> {
  const answer = await options.outbound.post({
    url: post.url,
    headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'MetricStream', ...post.headers },
    body: post.body,
    timeoutMs: options.timeoutMs,
    answerBytesMax: ALERT_LIMITS.answerBytesMax,
    policy: options.policy,
  });
  return outcomeOf(answer, channel, options.nowMs());
}

/** @returns why a URL of a channel cannot be used; undefined where it can. */
export function targetProblem(name: string, url: string | undefined, policy: TargetPolicy): string | undefined {
  if (url === undefined || url === '') return `${name} is missing`;
  const target = policy.target(url);
  return 'denied' in target ? `${name}: ${target.denied}` : undefined;
}

/** A value that can stand in a header: printable ASCII. */
export function isHeaderValue(text: string): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text);
}

/** Hex digits of SHA-256 of a text: for ids that have to fit a form. */
export async function digestOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
