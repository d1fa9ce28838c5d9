/** What stands around every request to Kafka or Redis: whose it is, what it may do, how many there are, errors, counting. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry, TelemetryLabels } from '../ports/telemetry.ts';
import type { Admission } from './admission.ts';
import { type Api, errorAnswer, jsonAnswer } from './answers.ts';
import { readJson, reservedBytes } from './body.ts';
import type { Credential, Credentials, KafkaOperation } from './credentials.ts';
import type { ReplyEncoding } from './redis-replies.ts';

/** One request to Kafka, let in and with its body read. */
export interface KafkaCall {
  readonly credential: Credential;
  readonly body: unknown;
  readonly request: Request;
  /** Parts of the path by name. */
  readonly path: Readonly<Record<string, string>>;
}

/** Never throws. */
export type Respond = (request: Request, path: KafkaCall['path']) => Promise<Response>;

export interface GatewayGuardDependencies {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly credentials: Credentials;
  readonly admission: Admission;
}

export interface GatewayGuard {
  /**
   * @param route for our own metrics: a path of the table, never what a client wrote.
   * @param operations one of which the credential has to have.
   * @param handle gives what is answered as JSON.
   */
  kafka(route: string, operations: readonly KafkaOperation[], handle: (call: KafkaCall) => Promise<unknown>): Respond;
  redis(route: string, handle: (body: unknown, encoding: ReplyEncoding) => Promise<Response>): Respond;
}

export function gatewayGuard({ clock, telemetry, credentials, admission }: GatewayGuardDependencies): GatewayGuard {
  let toldMs = Number.NEGATIVE_INFINITY;
  /** What is away fails every request: one line in a while says so. */
  const tell = (route: string, status: number, error: unknown): void => {
    const nowMs = clock.nowMs();
    if (status === 503 && Math.abs(nowMs - toldMs) < LIMITS.gatewayTellMs) return;
    if (status === 503) toldMs = nowMs;
    telemetry.log(status === 503 ? 'warn' : 'error', 'a request failed', { route, status, cause: textOf(error) });
  };

  const around = (
    api: Api,
    route: string,
    isAllowed: (credential: Credential) => boolean,
    answer: (call: KafkaCall) => Promise<Response>,
  ): Respond => {
    const count = requestCounter(telemetry, route);
    return async (request, path) => {
      const startMs = clock.nowMs();
      let leave: (() => void) | undefined;
      let response: Response;
      try {
        const credential = credentials.of(request.headers.get('authorization'));
        if (credential === undefined) throw new MetricStreamError('unauthorized');
        if (!isAllowed(credential)) throw new MetricStreamError('forbidden', 'This credential may not do that.');
        leave = admission.enter(credential, reservedBytes(request));
        response = await answer({ credential, body: await readJson(request, clock), request, path });
      } catch (error) {
        response = errorAnswer(error, api);
        if (response.status >= 500) tell(route, response.status, error);
      }
      leave?.();
      count(response.status, (clock.nowMs() - startMs) / 1000);
      return response;
    };
  };

  return {
    kafka: (route, operations, handle) =>
      around(
        'kafka',
        route,
        ({ mayKafka }) => operations.some(mayKafka),
        async (call) => jsonAnswer(await handle(call)),
      ),
    redis: (route, handle) =>
      around(
        'redis',
        route,
        ({ redis }) => redis,
        ({ request, body }) => handle(body, /^base64$/i.test(request.headers.get('upstash-encoding') ?? '') ? 'base64' : 'text'),
      ),
  };
}

function textOf(error: unknown): string {
  const cause = error instanceof MetricStreamError ? error.cause : undefined;
  return cause === undefined ? String(error) : `${String(error)} ${String(cause)}`;
}

function requestCounter(telemetry: Telemetry, route: string): (status: number, seconds: number) => void {
  const byStatus = new Map<number, TelemetryLabels>();
  const byRoute = { route };
  return (status, seconds) => {
    const labels = byStatus.get(status) ?? { route, status: String(status) };
    byStatus.set(status, labels);
    telemetry.count('metricstream_requests_total', 1, labels);
    telemetry.observe('metricstream_request_seconds', seconds, byRoute);
  };
}
