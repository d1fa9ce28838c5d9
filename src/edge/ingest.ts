/** POST of a push: the hot path, one function from the request's headers to the log's answer. */
import { CLIENT_PATTERN, type Principal } from '../model/access.ts';
import type { Enrichment } from '../model/enrichment.ts';
import { ERRORS, type ErrorCode, MetricStreamError, type Rejection, type RejectReason } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { murmur2 } from '../model/partition.ts';
import { isPlaceName } from '../model/place-name.ts';
import { type Push, parsePushId } from '../model/push.ts';
import type { Clock } from '../ports/clock.ts';
import type { Decompression } from '../ports/decompression.ts';
import type { EnrichmentRegistry } from '../ports/enrichment-registry.ts';
import type { AppendOutcome, EdgePlace, PushAppender } from '../ports/push-appender.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { DecodedPush } from '../protocols/json.ts';
import type { Authentication } from './authentication.ts';
import { codingOf, readBody } from './body.ts';
import { validTraceparent } from './correlation.ts';
import type { Deadlines, MakeDeadlines } from './deadlines.ts';
import { Decoding } from './decoding.ts';
import type { LocalLimits } from './local-limits.ts';
import { asMetricStreamError, problem, problemOf } from './problem.ts';
import { type Receiver, takes } from './receivers.ts';
import { allows } from './roles.ts';
import { Tagging } from './tagging.ts';

export interface IngestOptions {
  readonly clock: Clock;
  readonly appender: PushAppender;
  readonly decompression: Decompression;
  readonly telemetry: Telemetry;
  readonly authentication: Authentication;
  readonly enrichments: EnrichmentRegistry;
  readonly limits: LocalLimits;
  readonly correlationId: (given: string | null) => string;
  readonly sampleAgeMsMax: number;
  placeOf?(request: Request): EdgePlace | undefined;
  readonly deadlines: MakeDeadlines;
}

/** Answers a push. Never throws. */
export type Ingest = (request: Request, receiver: Receiver) => Promise<Response>;

const NOTHING_REJECTED: Push['rejected'] = [];
const CROWDED = 'the tenant has its most clients';
const DURATION_LABELS = { route: '/metrics' };

/** What all pushes share. */
interface Intake extends IngestOptions {
  readonly decoding: Decoding;
  readonly tagging: Tagging;
  readonly bodyWait: Deadlines;
  readonly appendWait: Deadlines;
  readonly countOutcome: (outcome: ErrorCode | 'accepted' | 'duplicate') => void;
  /** Headers of a 202, written over for each: a Response copies them, which is cheaper than making them of an object. */
  readonly accepted: Headers;
}

export function ingest(options: IngestOptions): Ingest {
  const { clock, telemetry, enrichments } = options;
  const decoding = new Decoding(options.sampleAgeMsMax, enrichments);
  const intake: Intake = {
    ...options,
    decoding,
    tagging: new Tagging(decoding.shapes),
    bodyWait: options.deadlines(clock, LIMITS.requestTimeoutMs),
    appendWait: options.deadlines(clock, LIMITS.appendTimeoutMs),
    countOutcome: outcomeCounter(telemetry),
    accepted: new Headers({ 'content-type': 'application/json' }),
  };
  return async (request, receiver) => {
    const nowMs = clock.nowMs();
    const correlationId = options.correlationId(request.headers.get('x-correlation-id'));
    let response: Response;
    try {
      const granting = options.authentication.authenticate(request, nowMs, false);
      const grant = granting instanceof Promise ? await granting : granting;
      const named = admit(intake, request, receiver, grant.principal, nowMs);
      const refreshing = enrichments.refresh?.(nowMs);
      if (refreshing !== undefined) await refreshing;
      const body = await readBody(
        request,
        codingOf(request.headers.get('content-encoding')),
        intake.bodyWait,
        intake.decompression,
      );
      const taken = take(intake, { request, receiver, principal: grant.principal, named, body, correlationId, nowMs });
      const { push, decoded, principal } = taken;
      if (isWorthKeeping(taken)) {
        const requestsPerSecond = principal.requestsPerSecond ?? LIMITS.clientRequestsPerSecond;
        const outcome = await intake.appendWait.within(
          options.appender.append(push, requestsPerSecond, principal.keyId, options.placeOf?.(request)),
          notStored,
        );
        response = conclude(intake, taken, outcome);
      } else {
        response = answer(intake, push, decoded.metrics, decoded.rejections, false);
      }
    } catch (thrown) {
      response = refuse(intake, thrown, request, correlationId);
    }
    telemetry.observe('metricstream_request_seconds', (clock.nowMs() - nowMs) / 1000, DURATION_LABELS);
    return response;
  };
}

/** What can be refused before the body is read. @returns the client, where key or header name it. */
function admit(
  { limits }: Intake,
  { headers }: Request,
  receiver: Receiver,
  principal: Principal,
  nowMs: number,
): string | undefined {
  if (!allows(principal.role, 'ingest')) throw new MetricStreamError('forbidden');
  const named = clientOf(principal, headers.get('x-client-id'));
  waitFor(limits.admit(principal.tenant, nowMs));
  if (named !== undefined) waitFor(limits.blockedMs(principal.keyId, named, nowMs));
  if (!takes(receiver, headers.get('content-type'))) throw new MetricStreamError('unsupported_media_type');
  return named;
}

interface Received {
  readonly request: Request;
  readonly receiver: Receiver;
  readonly principal: Principal;
  readonly named: string | undefined;
  readonly body: Uint8Array;
  readonly correlationId: string;
  readonly nowMs: number;
}

interface Taken {
  readonly principal: Principal;
  readonly push: Push;
  readonly decoded: DecodedPush;
}

/** From the body to the push. */
function take({ decoding, tagging, enrichments, limits }: Intake, received: Received): Taken {
  const { receiver, principal, named, body, nowMs } = received;
  const sent = decoding.decode(receiver, body, principal, named, nowMs);
  const client = clientOf(principal, sent.clientId) ?? named;
  if (client === undefined) throw new MetricStreamError('client_missing');
  if (client !== named) waitFor(limits.blockedMs(principal.keyId, client, nowMs));
  decoding.learn(principal.tenant, client, sent.shape);
  const row = enrichments.find(principal.tenant, client);
  const decoded =
    row?.tags === undefined && principal.tags === undefined ? sent : tagging.tag(sent, { table: row?.tags, key: principal.tags });
  return { principal, decoded, push: assemble(received, client, decoded, row) };
}

/** Without a push id nobody would miss the record of a push of which nothing is left. */
function isWorthKeeping({ push, decoded: { metrics, rejections } }: Taken): boolean {
  return push.pushId !== undefined || metrics === 0 || rejections.length < metrics;
}

function conclude(intake: Intake, { principal, push, decoded }: Taken, outcome: AppendOutcome): Response {
  const { metrics, rejections, indices } = decoded;
  switch (outcome.kind) {
    case 'appended': {
      const overLimit = outcome.rejected.length === 0 ? outcome.rejected : inBody(outcome.rejected, indices);
      return answer(intake, push, metrics, merge(rejections, overLimit), outcome.duplicate);
    }
    case 'crowded': {
      const all = Array.from(push.shape.series, (_, index): Rejection => ({ index, code: 'series_limit', message: CROWDED }));
      return answerNothing(intake, push, merge(rejections, inBody(all, indices)));
    }
    case 'limited':
      intake.limits.block(principal.keyId, push.client, push.arrivalMs + outcome.retryAfterMs);
      throw new MetricStreamError('rate_limited', undefined, outcome);
    case 'refused':
      throw new MetricStreamError(outcome.code, undefined, outcome);
  }
}

function answer(intake: Intake, push: Push, metrics: number, rejections: readonly Rejection[], duplicate: boolean): Response {
  const { telemetry, countOutcome } = intake;
  const accepted = metrics - rejections.length;
  if (accepted === 0 && metrics > 0) {
    return answerNothing(intake, push, rejections, duplicate);
  }
  countOutcome(duplicate ? 'duplicate' : 'accepted');
  if (!duplicate) {
    telemetry.count('metricstream_samples_accepted_total', accepted);
    if (rejections.length > 0) countRejections(telemetry, rejections);
  }
  return answerAccepted(intake, accepted, rejections, push, duplicate);
}

function answerNothing(
  { telemetry, countOutcome }: Intake,
  push: Push,
  rejections: readonly Rejection[],
  duplicate = false,
): Response {
  countOutcome(duplicate ? 'duplicate' : 'all_rejected');
  if (!duplicate) countRejections(telemetry, rejections);
  return answerRejected(rejections, push);
}

/** What failed on our side is 503 for a push: it can be sent again, and its push id makes that harmless. */
function refuse({ telemetry, countOutcome }: Intake, thrown: unknown, request: Request, correlationId: string): Response {
  const cause = asMetricStreamError(thrown);
  const error = ERRORS[cause.code].status === 500 ? notStored() : cause;
  countOutcome(error.code);
  if (error.code === 'unavailable') {
    const reason = String(cause.cause ?? cause.message);
    telemetry.log('error', 'a push was not stored', { correlation_id: correlationId, cause: reason });
  }
  const response = problemOf(error, correlationId);
  const traceparent = validTraceparent(request.headers.get('traceparent'));
  if (traceparent !== undefined) response.headers.set('traceparent', traceparent);
  return response;
}

/**
 * The client as the key binds it or the request names it.
 * @throws invalid_client | client_mismatch where the key is bound to another.
 */
function clientOf(principal: Principal, given: string | null | undefined): string | undefined {
  if (given === null || given === undefined) return principal.client;
  if (given === principal.client) return given;
  if (!CLIENT_PATTERN.test(given)) throw new MetricStreamError('invalid_client');
  if (principal.client !== undefined) throw new MetricStreamError('client_mismatch');
  return given;
}

function waitFor(retryAfterMs: number): void {
  if (retryAfterMs > 0) throw new MetricStreamError('rate_limited', undefined, { retryAfterMs });
}

function notStored(): MetricStreamError {
  const retryAfterMs = LIMITS.retryMs;
  return new MetricStreamError('unavailable', 'The push could not be stored; send it again.', { retryAfterMs });
}

function assemble(
  { request, principal, body, correlationId, nowMs }: Received,
  client: string,
  decoded: DecodedPush,
  row: Enrichment | undefined,
): Push {
  const { headers } = request;
  const { shape } = decoded;
  const key = headers.get('idempotency-key');
  const pushId = key === null ? undefined : parsePushId(key, headers.get('x-previous-boot') ?? undefined);
  if (key !== null && pushId === undefined) throw new MetricStreamError('invalid_push_id');
  return {
    tenant: principal.tenant,
    client,
    arrivalMs: nowMs,
    sentMs: sentMsOf(headers.get('x-sent-at'), nowMs),
    pushId,
    contentHash: murmur2(body),
    correlationId,
    traceparent: validTraceparent(headers.get('traceparent')),
    datacenter: principal.datacenter ?? labelled(shape.datacenter) ?? placeOf(headers, 'x-datacenter') ?? row?.datacenter,
    environment: principal.environment ?? labelled(shape.environment) ?? placeOf(headers, 'x-environment') ?? row?.environment,
    shape,
    values: decoded.values,
    timesMs: decoded.timesMs,
    timesNs: decoded.timesNs,
    stamped: decoded.stamped,
    rejected: decoded.rejections.length === 0 ? NOTHING_REJECTED : [...countByReason(decoded.rejections)],
  };
}

/** A send time that is no plausible Unix ms is as good as none. */
function sentMsOf(given: string | null, nowMs: number): number | undefined {
  if (given === null) return undefined;
  const sentMs = Number(given);
  return Number.isSafeInteger(sentMs) && Math.abs(nowMs - sentMs) <= LIMITS.skewMsMax ? sentMs : undefined;
}

/** A label may say anything; what cannot name a place says nothing of it. */
function labelled(label: string | undefined): string | undefined {
  return label !== undefined && isPlaceName(label) ? label : undefined;
}

function placeOf(headers: Headers, name: 'x-datacenter' | 'x-environment'): string | undefined {
  const given = headers.get(name);
  if (given === null) return undefined;
  if (!isPlaceName(given)) throw new MetricStreamError('invalid_request', `${name} is not a valid name.`);
  return given;
}

function merge(refused: readonly Rejection[], overLimit: readonly Rejection[]): readonly Rejection[] {
  return overLimit.length === 0 ? refused : [...refused, ...overLimit].sort((a, b) => a.index - b.index);
}

/** The appender counts places in the shape, the client in its body. */
function inBody(rejected: readonly Rejection[], indices: Int32Array | undefined): readonly Rejection[] {
  return indices === undefined ? rejected : rejected.map((one) => ({ ...one, index: indices[one.index] ?? one.index }));
}

function countByReason(rejections: readonly Rejection[]): Map<RejectReason, number> {
  const counts = new Map<RejectReason, number>();
  for (const { code } of rejections) counts.set(code, (counts.get(code) ?? 0) + 1);
  return counts;
}

function countRejections(telemetry: Telemetry, rejections: readonly Rejection[]): void {
  for (const [reason, count] of countByReason(rejections)) {
    telemetry.count('metricstream_samples_rejected_total', count, { reason });
  }
}

/** Label objects are made once: telemetry finds a counter by them without building a name. */
function outcomeCounter(telemetry: Telemetry): Intake['countOutcome'] {
  const labels = new Map<string, { readonly outcome: string }>();
  return (outcome) => {
    const label = labels.get(outcome) ?? { outcome };
    labels.set(outcome, label);
    telemetry.count('metricstream_pushes_total', 1, label);
  };
}

/** Only these have to be escaped in a JSON text of printable ASCII, which a correlation id is. */
const ESCAPED = /["\\]/;

function answerAccepted(
  { accepted: headers }: Intake,
  accepted: number,
  rejections: readonly Rejection[],
  push: Push,
  duplicate: boolean,
): Response {
  const { correlationId, traceparent } = push;
  const errors = rejections.length === 0 ? '' : JSON.stringify(rejections.slice(0, LIMITS.rejectionsShownMax)).slice(1, -1);
  const id = ESCAPED.test(correlationId) ? JSON.stringify(correlationId) : `"${correlationId}"`;
  const body = `{"accepted":${accepted},"rejected":${rejections.length},"errors":[${errors}],"correlation_id":${id},"duplicate":${duplicate}}`;
  headers.set('x-correlation-id', correlationId);
  const response = new Response(body, { status: 202, headers });
  if (traceparent !== undefined) response.headers.set('traceparent', traceparent);
  return response;
}

function answerRejected(rejections: readonly Rejection[], push: Push): Response {
  return problem('all_rejected', push.correlationId, {
    members: { accepted: 0, rejected: rejections.length, errors: rejections.slice(0, LIMITS.rejectionsShownMax) },
    headers: push.traceparent === undefined ? {} : { traceparent: push.traceparent },
  });
}
