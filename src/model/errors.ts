/** The one error of the system and the catalogue of its codes. */

/** HTTP status, whether a client should try again, and the text that a stranger may read. */
interface ErrorEntry {
  readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 412 | 413 | 415 | 422 | 426 | 429 | 431 | 500 | 503;
  readonly retryable: boolean;
  readonly text: string;
}

export const ERRORS = {
  invalid_json: { status: 400, retryable: false, text: 'The body is not valid JSON.' },
  invalid_encoding: { status: 400, retryable: false, text: 'The body is not valid UTF-8.' },
  invalid_compression: { status: 400, retryable: false, text: 'The compressed body cannot be read.' },
  invalid_request: { status: 400, retryable: false, text: 'The request is not well formed.' },
  empty_body: { status: 400, retryable: false, text: 'The body is empty.' },
  invalid_push_id: { status: 400, retryable: false, text: 'Idempotency-Key must be BOOT_ID:SEQUENCE.' },
  unauthorized: { status: 401, retryable: false, text: 'A valid key is needed.' },
  forbidden: { status: 403, retryable: false, text: 'This key may not do that.' },
  client_mismatch: { status: 403, retryable: false, text: 'This key is bound to another client.' },
  not_found: { status: 404, retryable: false, text: 'There is nothing at this path.' },
  method_not_allowed: { status: 405, retryable: false, text: 'This path does not take that method.' },
  request_timeout: { status: 408, retryable: true, text: 'The request took too long to arrive.' },
  stale: { status: 412, retryable: false, text: 'It has changed since; read it again.' },
  body_too_large: { status: 413, retryable: false, text: 'The body is larger than the limit.' },
  too_many_metrics: { status: 413, retryable: false, text: 'The push holds more metrics than the limit.' },
  unsupported_media_type: { status: 415, retryable: false, text: 'The content type is not supported.' },
  unsupported_encoding: { status: 415, retryable: false, text: 'The content encoding is not supported.' },
  invalid_body: { status: 422, retryable: false, text: 'The body does not have the expected shape.' },
  client_missing: { status: 422, retryable: false, text: 'No client_id in the body, the header or the key.' },
  invalid_client: { status: 422, retryable: false, text: 'client_id must match [A-Za-z0-9._:-]{1,128}.' },
  all_rejected: { status: 422, retryable: false, text: 'Every metric of the push was rejected.' },
  too_many_points: { status: 422, retryable: false, text: 'The answer would hold more points than the limit.' },
  invalid_query: { status: 422, retryable: false, text: 'The query is not valid.' },
  upgrade_required: { status: 426, retryable: false, text: 'Here this is told over a WebSocket.' },
  rate_limited: { status: 429, retryable: true, text: 'Too many requests; wait and try again.' },
  headers_too_large: { status: 431, retryable: false, text: 'A header is larger than the limit.' },
  internal: { status: 500, retryable: true, text: 'Something went wrong on our side.' },
  overloaded: { status: 503, retryable: true, text: 'The server is busy; wait and try again.' },
  storage_full: { status: 503, retryable: true, text: 'The disk is nearly full; pushes are refused until space is free.' },
  shutting_down: { status: 503, retryable: true, text: 'The server is stopping; try again.' },
  unavailable: { status: 503, retryable: true, text: 'A part that this needs is not available.' },
  misconfigured: { status: 500, retryable: false, text: 'A service that this needs refuses us: an operator has to mend that.' },
  schema_newer: { status: 500, retryable: false, text: 'The data was written by a newer version.' },
  corrupt_data: { status: 500, retryable: false, text: 'Stored data cannot be decoded.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** The one exception of the house: recognised by `code`, never by its text. */
export class MetricStreamError extends Error {
  readonly code: ErrorCode;
  /** Milliseconds after which a retry makes sense; only with 429 and 503. */
  readonly retryAfterMs: number | undefined;

  /** @param detail may be shown to the client: name limits and fields, never secrets. */
  constructor(code: ErrorCode, detail?: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(detail ?? ERRORS[code].text, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MetricStreamError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Why one metric of a push was refused; the other metrics of the push are kept. */
export const REJECT_REASONS = [
  'invalid_metric',
  'invalid_name',
  'invalid_value',
  'invalid_timestamp',
  'invalid_labels',
  'invalid_unit',
  'invalid_kind',
  'reserved_label',
  'too_many_labels',
  'unit_mismatch',
  'out_of_range',
  'sample_too_old',
  'sample_in_future',
  'series_limit',
] as const;

export type RejectReason = (typeof REJECT_REASONS)[number];

/** One refused metric: its place in the push's `metrics`, the code and a text for people. */
export interface Rejection {
  readonly index: number;
  readonly code: RejectReason;
  readonly message: string;
}
