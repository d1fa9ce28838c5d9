/** The one mapping of errors to HTTP: RFC 9457 problem+json. */
import { ERRORS, type ErrorCode, MetricStreamError } from '../model/errors.ts';

const PHRASES: Readonly<Record<(typeof ERRORS)[ErrorCode]['status'], string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

export interface ProblemOptions {
  /** Text for the client; the catalogue's where it is left out. */
  readonly detail?: string;
  readonly retryAfterMs?: number | undefined;
  /** More members of the problem object, such as `errors`. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** 429 and 503 always carry Retry-After, in whole seconds, at least 1. */
export function problem(code: ErrorCode, correlationId: string, options: ProblemOptions = {}): Response {
  const { status, text } = ERRORS[code];
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-correlation-id': correlationId,
    ...options.headers,
  };
  if (status === 429 || status === 503)
    headers['retry-after'] = String(Math.max(1, Math.ceil((options.retryAfterMs ?? 0) / 1000)));
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="metricstream"';
  const body = {
    type: 'about:blank',
    title: PHRASES[status],
    status,
    code,
    detail: options.detail ?? text,
    correlation_id: correlationId,
    ...options.members,
  };
  return new Response(JSON.stringify(body), { status, headers });
}

/** What is ours says what it says; of anything else the client learns only that it happened. */
export function asMetricStreamError(error: unknown): MetricStreamError {
  return error instanceof MetricStreamError ? error : new MetricStreamError('internal', undefined, { cause: error });
}

/** Errors on our side tell the client the catalogue's text only; what happened is for the operator. */
export function problemOf(error: MetricStreamError, correlationId: string): Response {
  const ours = ERRORS[error.code].status === 500;
  return problem(error.code, correlationId, {
    detail: ours ? ERRORS[error.code].text : error.message,
    retryAfterMs: error.retryAfterMs,
  });
}
