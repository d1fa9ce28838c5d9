/** Requests to InfluxDB: each with a timeout and a bound on its answer, and what an answer other than success means. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';

/** The fetch of the host, as far as it is needed here. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string | Uint8Array<ArrayBuffer>;
    readonly signal: AbortSignal;
    readonly redirect: 'manual';
  },
) => Promise<Response>;

export interface InfluxConnection {
  /** Of the server, without a path of ours: `https://influx.example.org:8086`. */
  readonly url: string;
  readonly org: string;
  /** It goes into a header and into no text. */
  readonly token: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

interface InfluxRequest {
  readonly method: 'GET' | 'POST';
  /** Below the URL of the server, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | undefined;
  readonly timeoutMs: number;
}

export interface InfluxAnswer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** Of an answer that is no success: what InfluxDB says, cut to influxErrorBytesMax. */
  readonly text: string;
}

/**
 * Sends one request and reads its answer: chunks of a success go to `onChunk`, what InfluxDB says to anything else into the answer.
 * @throws `unavailable` when there is no answer, or no end of it, within the timeout.
 */
export async function ask(
  connection: InfluxConnection,
  request: InfluxRequest,
  onChunk: (chunk: Uint8Array) => void = () => undefined,
): Promise<InfluxAnswer> {
  const { url, token, fetch, clock } = connection;
  // The host would name it in its complaint.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new MetricStreamError('misconfigured', 'The token for InfluxDB cannot stand in a header.');
  const abort = new AbortController();
  const cancel = clock.schedule(request.timeoutMs, () => abort.abort());
  try {
    const response = await fetch(url.replace(/\/+$/, '') + request.path, {
      method: request.method,
      headers: { ...request.headers, authorization: `Token ${token}` },
      ...(request.body === undefined ? {} : { body: request.body }),
      signal: abort.signal,
      redirect: 'manual',
    });
    const retryAfterMs = retryAfterOf(response.headers.get('retry-after'), clock);
    if (!response.ok) return { status: response.status, retryAfterMs, text: sentence(await firstText(response)) };
    for await (const chunk of chunksOf(response)) onChunk(chunk);
    return { status: response.status, retryAfterMs, text: '' };
  } catch (cause) {
    if (cause instanceof MetricStreamError) throw cause;
    const detail = abort.signal.aborted ? `did not answer within ${request.timeoutMs} ms` : 'cannot be reached';
    throw new MetricStreamError('unavailable', `InfluxDB ${detail}.`, { retryAfterMs: LIMITS.retryMs, cause });
  } finally {
    cancel();
    // Lets go of an answer that was not read to its end.
    abort.abort();
  }
}

async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value as Uint8Array;
}

async function firstText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunksOf(response)) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= LIMITS.influxErrorBytesMax) break;
  }
  return text.slice(0, LIMITS.influxErrorBytesMax);
}

/** InfluxDB answers `{"code":…,"message":…}`; what stands before it may answer anything. */
function sentence(text: string): string {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // No JSON, or cut.
  }
  return text.trim();
}

/** @param header seconds or an HTTP date. */
function retryAfterOf(header: string | null, clock: Clock): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - clock.nowMs();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LIMITS.influxRetryAfterMsMax) : undefined;
}

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'InfluxDB does not know the token with which it was asked',
  403: 'The token for InfluxDB is not allowed',
  404: 'InfluxDB has no such place, or hides it from the token: it was asked',
};

/**
 * The error that an answer other than success is, where it says nothing about single points.
 * @param what was asked for, as in `to write to the bucket "metrics_raw"`.
 */
export function failureOf(
  { status, retryAfterMs, text }: InfluxAnswer,
  { org }: InfluxConnection,
  what: string,
): MetricStreamError {
  const said = text === '' ? '.' : `: ${text.slice(0, LIMITS.refusedPointBytesMax)}`;
  const place = `${what} of the organization "${org}"${said}`;
  if (status === 429 || status === 408 || status >= 500) {
    return new MetricStreamError('unavailable', `InfluxDB answered ${status} when it was asked ${place}`, {
      retryAfterMs: retryAfterMs ?? LIMITS.retryMs,
    });
  }
  const why = REFUSALS[status] ?? `InfluxDB answered ${status} when it was asked`;
  return new MetricStreamError('misconfigured', `${why} ${place}`);
}
