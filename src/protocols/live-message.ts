/** What a live page is told, as JSON: the data of a server-sent event, and the same bytes as a WebSocket's message. */
import type { LiveClient } from '../ports/live-feed.ts';
import { numberText } from './number-text.ts';

/*
 * message = "{" DQUOTE "clients" DQUOTE ":[" [ client {"," client} ] "]}"      the first is empty: the feed begins
 * client  = {"client_id","sample_ms","seen_ms","keys":[KEY…],"values":[NUMBER…]}      only keys of the metrics asked for, maybe none
 * KEY     = NAME [ "{" LABEL "=" VALUE {"," LABEL "=" VALUE} "}" ]
 * Over a WebSocket the page answers each message with LIVE_PING, and sends one where it has heard nothing for liveHeartbeatMs.
 */
export const LIVE_BEGINS = '{"clients":[]}';
export const LIVE_PING = 'ping';
/** The answer to it, which the platform gives without waking the object. No JSON, so that no page takes it for a message. */
export const LIVE_PONG = 'pong';
/** Of the handshake between edge and control: the LiveListener as JSON. */
export const LIVE_LISTENER_HEADER = 'x-metricstream-listener';

/** @param metric names with commas between them; undefined: all. @returns the same for the same names, whatever their order. */
export function liveNames(metric: string | undefined): readonly string[] | undefined {
  return metric === undefined ? undefined : [...new Set(metric.split(','))].sort();
}

/** Two listeners to the same metrics of the same clients share the text: each client is encoded once. */
export function liveEncoder(names: readonly string[] | undefined): (changed: readonly LiveClient[]) => string {
  const wanted = names && new Set(names);
  const encoded = new WeakMap<LiveClient, string>();
  return (changed) => {
    const texts = changed.map((client) => {
      const text = encoded.get(client) ?? clientText(wanted === undefined ? client : narrow(client, wanted));
      encoded.set(client, text);
      return text;
    });
    return `{"clients":[${texts.join(',')}]}`;
  };
}

/** Only the values of some metrics. Who brings none of them has still been seen. */
function narrow(client: LiveClient, wanted: ReadonlySet<string>): LiveClient {
  const keys: string[] = [];
  const values: number[] = [];
  client.keys.forEach((key, place) => {
    const end = key.indexOf('\0');
    if (!wanted.has(end < 0 ? key : key.slice(0, end))) return;
    keys.push(key);
    values.push(client.values[place] as number);
  });
  return { ...client, keys, values };
}

function clientText({ client, sampleMs, seenMs, keys, values }: LiveClient): string {
  const names = JSON.stringify(keys.map(keyText));
  return `{"client_id":${JSON.stringify(client)},"sample_ms":${sampleMs},"seen_ms":${seenMs},"keys":${names},"values":[${values.map(numberText).join(',')}]}`;
}

/** @param key as in Series.key: name, then NUL, label, NUL, value for each label. */
function keyText(key: string): string {
  const [name = '', ...rest] = key.split('\0');
  if (rest.length === 0) return name;
  const pairs: string[] = [];
  for (let i = 0; i < rest.length; i += 2) pairs.push(`${rest[i]}=${rest[i + 1]}`);
  return `${name}{${pairs.join(',')}}`;
}
