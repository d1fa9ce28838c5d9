/** Answers in the shapes that Upstash's clients expect. */
import { ERRORS, MetricStreamError } from '../model/errors.ts';

/** Which of the two APIs a path belongs to: their errors look different. */
export type Api = 'kafka' | 'redis';

export function jsonAnswer(value: unknown): Response {
  return new Response(JSON.stringify(value), { headers: { 'content-type': 'application/json' } });
}

/** What is ours says what it says; of anything else the caller learns only that it happened. */
export function errorAnswer(thrown: unknown, api: Api): Response {
  const error = thrown instanceof MetricStreamError ? thrown : new MetricStreamError('internal', undefined, { cause: thrown });
  const { status, text } = ERRORS[error.code];
  const said = status === 500 ? text : error.message;
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (status === 401) headers['www-authenticate'] = 'Basic realm="metricstream", Bearer realm="metricstream"';
  if (status === 429 || status === 503) headers['retry-after'] = String(Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000)));
  const body = api === 'kafka' ? { result: 'Error', error: said, status } : { error: said };
  return new Response(JSON.stringify(body), { status, headers });
}
