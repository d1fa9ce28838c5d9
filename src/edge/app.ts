/** The HTTP face of the system: every route on this page. */
import { Hono } from 'hono';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { LiveFeed, LiveSockets } from '../ports/live-feed.ts';
import type { MetricReader } from '../ports/metric-reader.ts';
import type { Telemetry, TelemetryReader } from '../ports/telemetry.ts';
import { administration } from './administration.ts';
import { alertRoutes } from './alert-routes.ts';
import type { Alerting } from './alerting.ts';
import { assetAnswer } from './assets.ts';
import type { Asset } from './dashboard/assets.ts';
import { sharedDeadlines } from './deadlines.ts';
import { type Door, type DoorDependencies, isPush, openDoor } from './door.ts';
import { ENRICHMENT_PATH, enrichmentTables } from './enrichment-tables.ts';
import type { Guard } from './guard.ts';
import { readinessAnswer, telemetryAnswer } from './health.ts';
import { live } from './live.ts';
import { liveSocket } from './live-socket.ts';
import { openApiAnswer } from './openapi.ts';
import { OPERATIONS as op } from './operations.ts';
import { honoPath, rowsByPath } from './path-match.ts';
import { problem } from './problem.ts';
import { queries } from './queries.ts';
import { queryRunner } from './query-runner.ts';
import type { Call, Handler, MakeRow, Route } from './route.ts';

export interface EdgeDependencies extends DoorDependencies {
  readonly reader: MetricReader;
  /** Left out: there is no route for it. */
  readonly live?: LiveFeed;
  /** In place of it, where pages listen to another object. */
  readonly liveSockets?: LiveSockets;
  /** Left out: there are no routes for it. */
  readonly alerts?: Alerting;
  readonly telemetry: Telemetry & TelemetryReader;
  /** The page's files by path. */
  readonly assets?: ReadonlyMap<string, Asset>;
  /** Headers of the page's files, with their Content-Security-Policy. */
  readonly shellHeaders?: Readonly<Record<string, string>>;
  /** Whether pushes can be taken; `reason` is shown to anyone. */
  ready(): { readonly ready: boolean; readonly reason?: string };
}

/** The table: one row for each route, with what it asks of a key. */
export function routesOf(deps: EdgeDependencies, { guard, push }: Door): readonly Route[] {
  const { clock, telemetry, deadlines = sharedDeadlines } = deps;
  const runner = queryRunner(clock, deadlines);
  const query = queries(deps.reader, runner);
  const feed = deps.live === undefined ? undefined : live({ clock, feed: deps.live, authentication: guard.authentication });
  const bodyWait = deadlines(clock, LIMITS.requestTimeoutMs);
  const admin = administration({ ...deps, bodyWait });
  const tables = enrichmentTables({ ...deps, bodyWait });
  const { open, keyed } = rows(guard);
  const listen = deps.liveSockets === undefined ? feed?.listen : liveSocket(deps.liveSockets);
  if (feed !== undefined) telemetry.gauge('metricstream_live_listeners', feed.listeners);

  const routes: readonly Route[] = [
    { ...push, operation: op.push },
    open('GET', '/metrics', () => telemetryAnswer(telemetry), op.telemetry),
    open('GET', '/health', () => Response.json({ status: 'ok' }), op.health),
    open('GET', '/ready', () => readinessAnswer(deps.ready()), op.ready),
    open('GET', '/openapi.json', () => openApi(), op.document),
    keyed('GET', '/api/v1/windows', 'read', query.windows, op.windows),
    keyed('GET', '/api/v1/samples', 'read', query.samples, op.samples),
    keyed('GET', '/api/v1/clients', 'read', query.clients, op.clients),
    keyed('GET', '/api/v1/metrics', 'read', query.metrics, op.metrics),
    ...(listen === undefined ? [] : [keyed('GET', '/api/v1/live', 'read', listen, op.live)]),
    keyed('POST', '/api/v1/session', 'read', admin.signIn, op.signIn),
    open('DELETE', '/api/v1/session', admin.signOut, op.signOut),
    keyed('POST', '/api/v1/keys', 'admin', admin.createKey, op.createKey),
    keyed('POST', '/api/v1/keys/revoke', 'admin', admin.revokeKey, op.revokeKey),
    keyed('GET', '/api/v1/enrichment', 'admin', tables.read, op.readEnrichments),
    keyed('PUT', '/api/v1/enrichment', 'admin', tables.replace, op.replaceEnrichments),
    keyed('DELETE', '/api/v1/enrichment', 'admin', tables.remove, op.removeEnrichments),
    keyed('GET', ENRICHMENT_PATH, 'admin', tables.readClient, op.readEnrichment),
    keyed('PUT', ENRICHMENT_PATH, 'admin', tables.replaceClient, op.replaceEnrichment),
    keyed('DELETE', ENRICHMENT_PATH, 'admin', tables.removeClient, op.removeEnrichment),
    ...alertRoutes({ ...deps, deadlines, runner, row: keyed }),
    ...[...(deps.assets ?? [])].map(([path, asset]) =>
      open('GET', path, ({ request }) => assetAnswer(request, asset, deps.shellHeaders ?? {}), undefined),
    ),
  ];
  const openApi = openApiAnswer(routes);
  return routes;
}

/** @throws invalid_request when a secret is too short. */
export function createApp(deps: EdgeDependencies, door = openDoor(deps)): Hono {
  const routes = routesOf(deps, door);
  const app = new Hono();
  // One handler a route: where two match, Hono composes them, which the hot path would pay for.
  for (const { method, path, respond } of routes) app.on(method, honoPath(path), (context) => respond(context.req.raw));
  const route = app.fetch;
  // Most of all requests are pushes, and routing one costs as much as half of what decoding it does.
  app.fetch = (request, ...rest) => (isPush(request) ? door.push.respond(request) : route(request, ...rest));
  const rowsAt = rowsByPath(routes);
  const elsewhere = door.guard.open('other', ({ request, correlationId }) => {
    const allowed = rowsAt(new URL(request.url).pathname);
    if (allowed === undefined) throw new MetricStreamError('not_found');
    return problem('method_not_allowed', correlationId, { headers: { allow: allowHeader(allowed) } });
  });
  app.notFound((context) => elsewhere(context.req.raw));
  return app;
}

type Operation = Route['operation'];

function rows(guard: Guard): {
  open(method: Route['method'], path: string, handle: Handler<Call>, operation: Operation): Route;
  keyed: MakeRow;
} {
  return {
    open: (method, path, handle, operation) => ({ method, path, access: 'public', respond: guard.open(path, handle), operation }),
    keyed: (method, path, permission, handle, operation, refuse) => ({
      method,
      path,
      access: permission,
      respond: guard.keyed(path, permission, handle, refuse),
      operation,
    }),
  };
}

/** GET answers HEAD too. */
function allowHeader(routes: readonly Route[]): string {
  return routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
}
