/** What an operator may ask of an agent, checked and with its defaults. */

import { CLIENT_PATTERN } from '../model/access.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { isReservedLabel, LABEL_KEY_PATTERN } from '../model/series.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';

export interface AgentOptions {
  /** Of the server, as `http://127.0.0.1:8787`: pushes go to its /metrics. */
  readonly url: string;
  /** The ingest key, or a file that holds it: the bare key, or JSON with it as `ingest` (keys.json). The file is read again on 401 and 403. */
  readonly key?: string;
  readonly keyFile?: string;
  /** client_id; default: the hostname, every other character a `-`. */
  readonly client?: string;
  /** agentIntervalMsMin … agentIntervalMsMax; default agentIntervalMs. */
  readonly intervalMs?: number;
  /** One directory per agent; undefined: pushes are kept in memory only. */
  readonly spoolDir?: string;
  /** At most agentSpoolMsMax; default agentSpoolMs. */
  readonly spoolMs?: number;
  /** At most agentSpoolBytesMax, the default. */
  readonly spoolBytesMax?: number;
  /** 0: any free port; undefined: no health endpoint. */
  readonly healthPort?: number;
  readonly datacenter?: string;
  readonly environment?: string;
  /** Added to every sample that does not bring the label itself; at most half of labelsMax. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Collectors to leave out, by their names in collectors/registry.ts. */
  readonly without?: readonly string[];
  readonly clock: Clock;
  readonly log: Telemetry['log'];
}

/** AgentOptions with nothing left to choose. */
export interface AgentSettings {
  readonly url: string;
  /** http to another host. */
  readonly isInClear: boolean;
  readonly client: string;
  readonly intervalMs: number;
  readonly spoolMs: number;
  readonly spoolBytesMax: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly without: readonly string[];
  readonly extraHeaders: Readonly<Record<string, string>>;
}

/** @throws invalid_request, naming the option. */
export function agentSettings(options: AgentOptions, hostname: string): AgentSettings {
  const client = options.client ?? (hostname.replace(/[^A-Za-z0-9._:-]/g, '-').slice(0, 128) || 'unknown');
  if (!CLIENT_PATTERN.test(client)) throw refused('client', 'has to match [A-Za-z0-9._:-]{1,128}');
  const labels = options.labels ?? {};
  checkLabels(labels);
  const url = receiverUrl(options.url);
  return {
    url: url.href,
    isInClear: url.protocol === 'http:' && !LOOPBACK.test(url.hostname),
    client,
    intervalMs: within(
      'intervalMs',
      options.intervalMs ?? LIMITS.agentIntervalMs,
      LIMITS.agentIntervalMsMin,
      LIMITS.agentIntervalMsMax,
    ),
    spoolMs: within('spoolMs', options.spoolMs ?? LIMITS.agentSpoolMs, 0, LIMITS.agentSpoolMsMax),
    spoolBytesMax: within('spoolBytesMax', options.spoolBytesMax ?? LIMITS.agentSpoolBytesMax, 0, LIMITS.agentSpoolBytesMax),
    labels,
    without: options.without ?? [],
    extraHeaders: {
      ...header('X-Datacenter', 'datacenter', options.datacenter),
      ...header('X-Environment', 'environment', options.environment),
    },
  };
}

/** The key in the text of a key file. @throws invalid_request where there is none that a header can carry. */
export function keyIn(text: string): string {
  const trimmed = text.trim();
  const key = trimmed.startsWith('{') ? ingestKeyIn(trimmed) : trimmed;
  if (typeof key !== 'string' || !/^[\x21-\x7e]+$/.test(key)) throw refused('key', 'is missing or holds blanks');
  return key;
}

/** What JSON.parse says of bad JSON quotes it, and this is a secret. */
function ingestKeyIn(json: string): unknown {
  try {
    return JSON.parse(json).ingest;
  } catch {
    return undefined;
  }
}

function refused(option: string, why: string): MetricStreamError {
  return new MetricStreamError('invalid_request', `${option} ${why}.`);
}

function within(option: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) throw refused(option, `has to be a whole number in ${min}..${max}`);
  return value;
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

function receiverUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw refused('url', 'has to be an http or https URL');
  if (url.username !== '' || url.password !== '') throw refused('url', 'must not hold a user or password');
  const path = url.pathname.replace(/\/+$/, '');
  return new URL(path.endsWith('/metrics') ? path : `${path}/metrics`, url.origin);
}

function checkLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels);
  if (entries.length > LIMITS.labelsMax / 2) throw refused('labels', `are more than ${LIMITS.labelsMax / 2}`);
  for (const [key, value] of entries) {
    if (!LABEL_KEY_PATTERN.test(key) || key.length > LIMITS.labelKeyLengthMax)
      throw refused(`label ${key}`, 'is not a label name');
    if (isReservedLabel(key)) throw refused(`label ${key}`, 'is reserved');
    if (value === '' || value.length > LIMITS.labelValueLengthMax) {
      throw refused(`label ${key}`, `has to have 1 to ${LIMITS.labelValueLengthMax} characters`);
    }
  }
}

function header(name: string, option: string, value: string | undefined): Record<string, string> {
  if (value === undefined) return {};
  if (!/^[\x21-\x7e]+$/.test(value) || value.length > LIMITS.labelValueLengthMax) {
    throw refused(option, 'has to be printable ASCII without blanks');
  }
  return { [name]: value };
}
