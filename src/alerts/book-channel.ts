/** Channels in the book: their secrets are sealed when they come in, and opened only where a page is sent. */
import { MetricStreamError } from '../model/errors.ts';
import type { Channel } from '../model/incident.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import type { OpenChannel } from '../ports/notifier.ts';
import { type Checked, channelBody, check, problem } from './book-schema.ts';
import type { SecretBox } from './secret-box.ts';

/** A channel as its document has it. */
export interface StoredChannel extends Omit<Channel, 'id'> {
  /** By name, sealed. */
  readonly secrets: Readonly<Record<string, string>>;
}

export interface ChannelOptions {
  readonly box: Pick<SecretBox, 'seal' | 'open'>;
  /** What keeps a channel from being used, in words for an admin; none of them holds a secret. */
  checkChannel(channel: OpenChannel): readonly string[];
}

/** What it belongs to: a sealed secret that is moved elsewhere does not open. */
function contextOf(tenant: string, channel: string, name: string): string {
  return `${tenant}/${channel}/${name}`;
}

/**
 * @param before as it is stored; undefined where it is new.
 * @returns the channel as it is to be stored. Secrets that are not handed in stay, but not for another target: it would be told them.
 */
export async function checkChannel(
  options: ChannelOptions,
  { tenant, id }: { readonly tenant: string; readonly id: string },
  body: unknown,
  before: StoredChannel | undefined,
): Promise<Checked<StoredChannel>> {
  const checked = check(channelBody, body);
  if (!checked.ok) return checked;
  const { secrets: given = {}, canaryEveryMs, ...rest } = checked.value;
  const channel = { ...rest, canaryEveryMs };
  const old = before?.secrets ?? {};
  // A URL that is secret is a target, too: with a new one, or without it, the others would be told to whoever hears there.
  const moved = before !== undefined && (targetOf(before) !== targetOf(channel) || Object.hasOwn(given, 'url'));
  const left = Object.keys(old).filter((name) => !Object.hasOwn(given, name));
  if (moved && left.length > 0) {
    return {
      ok: false,
      problems: left.map((name) => problem(`secrets.${name}`, 'has to be handed in again where the target changes')),
    };
  }
  const kept = Object.fromEntries(left.map((name) => [name, old[name] ?? '']));
  const fresh = Object.entries(given).filter(([, text]) => text !== '');
  const open = { ...(await openAll(options.box, tenant, id, kept)), ...Object.fromEntries(fresh) };
  const problems = options.checkChannel({ ...channel, id, secrets: open });
  if (problems.length > 0) return { ok: false, problems: problems.map((text) => problem('', text)) };
  const sealed = await Promise.all(
    fresh.map(async ([name, text]) => [name, await options.box.seal(text, contextOf(tenant, id, name))] as const),
  );
  return { ok: true, value: { ...channel, secrets: { ...kept, ...Object.fromEntries(sealed) } } };
}

/** Whom secrets are told. */
function targetOf({ type, settings }: Pick<Channel, 'type' | 'settings'>): string {
  return JSON.stringify([type, settings.url, settings.host, settings.port]);
}

async function openAll(
  box: ChannelOptions['box'],
  tenant: string,
  channel: string,
  sealed: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const opened = await Promise.all(
    Object.entries(sealed).map(async ([name, text]) => {
      const secret = await box.open(text, contextOf(tenant, channel, name));
      if (secret === undefined) {
        throw new MetricStreamError(
          'misconfigured',
          `The secret ${name} of channel ${channel} was sealed by another server secret.`,
        );
      }
      return [name, secret] as const;
    }),
  );
  return Object.fromEntries(opened);
}

/** @returns what opens a channel for a page; undefined where there is no such channel. @throws misconfigured where a secret does not open. */
export function channelOpener(options: {
  readonly store: DocumentStore;
  readonly box: ChannelOptions['box'];
}): (tenant: string, channel: string) => Promise<OpenChannel | undefined> {
  return async (tenant, id) => {
    const document = options.store.get({ tenant, kind: 'channel', id });
    if (document === undefined) return undefined;
    const { type, settings, canaryEveryMs, enabled, secrets } = JSON.parse(document.body) as StoredChannel;
    return { id, type, settings, canaryEveryMs, enabled, secrets: await openAll(options.box, tenant, id, secrets) };
  };
}

/** What is shown of it: of its secrets the names. */
export function shownChannel({ secrets, ...channel }: StoredChannel): object {
  return { ...channel, secretsSet: Object.keys(secrets).sort() };
}
