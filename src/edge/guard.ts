/** What stands around every handler but the push's: the key, the role, the origin, errors, headers, counting. */
import { MetricStreamError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyRegistry } from '../ports/key-registry.ts';
import type { Telemetry, TelemetryLabels } from '../ports/telemetry.ts';
import { type Authentication, authentication } from './authentication.ts';
import { isSameOrigin } from './cookies.ts';
import { correlationIds, validTraceparent } from './correlation.ts';
import type { Secrets } from './keys.ts';
import { asMetricStreamError, problemOf } from './problem.ts';
import { allows, type Permission } from './roles.ts';
import type { Call, Handler, KeyedCall, Refuse } from './route.ts';

export interface GuardDependencies {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly secrets: Secrets;
  readonly keys: KeyRegistry;
  readonly random: () => number;
  remoteAddress?(request: Request): string | undefined;
}

/** Never throws. */
export type Respond = (request: Request) => Promise<Response>;

export interface Guard {
  readonly authentication: Authentication;
  readonly correlationId: (given: string | null) => string;
  /** @param name for our own metrics: a path of the table, never what a client wrote. */
  open(name: string, handle: Handler<Call>): Respond;
  keyed(name: string, permission: Permission, handle: Handler<KeyedCall>, refuse?: Refuse): Respond;
}

/** Of every answer but the push's, which no browser shows. An answer's own headers come first. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

export function createGuard(deps: GuardDependencies): Guard {
  const { clock, telemetry } = deps;
  const keys = authentication(deps);
  const correlationId = correlationIds(deps.random);

  const admit = async (call: Call, permission: Permission): Promise<KeyedCall> => {
    const { request, nowMs } = call;
    const grant = await keys.authenticate(request, nowMs, true);
    if (!allows(grant.principal.role, permission)) throw new MetricStreamError('forbidden');
    // Another site can make a browser send the cookie; it cannot make it say that the request is ours.
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    if (grant.via === 'session' && changes && !isSameOrigin(request)) throw new MetricStreamError('forbidden');
    return { ...call, grant, principal: grant.principal };
  };

  const around = (name: string, handle: Handler<Call>, refuse: Refuse = problemOf): Respond => {
    const count = requestCounter(telemetry, name);
    return async (request) => {
      const nowMs = clock.nowMs();
      const call = { request, nowMs, correlationId: correlationId(request.headers.get('x-correlation-id')) };
      let response: Response;
      try {
        response = await handle(call);
      } catch (thrown) {
        const error = asMetricStreamError(thrown);
        if (error.code === 'internal' || error.code === 'corrupt_data') {
          telemetry.log('error', 'a request failed', {
            route: name,
            correlation_id: call.correlationId,
            cause: String(error.cause ?? error.message),
          });
        }
        response = refuse(error, call.correlationId);
      }
      count(response.status, (clock.nowMs() - nowMs) / 1000);
      return dress(call, response);
    };
  };

  return {
    authentication: keys,
    correlationId,
    open: around,
    keyed: (name, permission, handle, refuse) => around(name, async (call) => handle(await admit(call, permission)), refuse),
  };
}

function dress({ request, correlationId }: Call, response: Response): Response {
  const { headers } = response;
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!headers.has(name)) headers.set(name, value);
  if (request.url.startsWith('https:')) headers.set('strict-transport-security', 'max-age=31536000');
  headers.set('x-correlation-id', correlationId);
  const traceparent = validTraceparent(request.headers.get('traceparent'));
  if (traceparent !== undefined) headers.set('traceparent', traceparent);
  // A stream that nobody will read would hold its place for ever.
  if (request.method === 'HEAD') response.body?.cancel().catch(() => {});
  return response;
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
