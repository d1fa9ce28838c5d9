/** What a request meets first: the guard of all routes, and the one route that nearly all requests are for. */
import type { Clock } from '../ports/clock.ts';
import type { Decompression } from '../ports/decompression.ts';
import type { EnrichmentRegistry } from '../ports/enrichment-registry.ts';
import type { EdgePlace, PushAppender } from '../ports/push-appender.ts';
import { type MakeDeadlines, sharedDeadlines } from './deadlines.ts';
import { createGuard, type Guard, type GuardDependencies } from './guard.ts';
import { ingest } from './ingest.ts';
import { localLimits } from './local-limits.ts';
import { RECEIVERS } from './receivers.ts';
import type { Route } from './route.ts';

export interface DoorDependencies extends GuardDependencies {
  readonly clock: Clock;
  readonly appender: PushAppender;
  readonly decompression: Decompression;
  readonly enrichments: EnrichmentRegistry;
  /** Where a request came in, where the host knows it: it is told of the client that pushed. */
  placeOf?(request: Request): EdgePlace | undefined;
  /** Left out: one timer for all requests that wait. */
  readonly deadlines?: MakeDeadlines;
  readonly sampleAgeMsMax: number;
  /** Per process: protects its CPU; the exact limits stand behind the appender. */
  readonly tenantRequestsPerSecond: number;
}

export interface Door {
  readonly guard: Guard;
  readonly push: Omit<Route, 'operation'>;
}

const PUSH_PATH = '/metrics';

/** @throws invalid_request when a secret is too short. */
export function openDoor(deps: DoorDependencies): Door {
  const guard = createGuard(deps);
  const { deadlines = sharedDeadlines, tenantRequestsPerSecond } = deps;
  const push = ingest({ ...deps, ...guard, deadlines, limits: localLimits(tenantRequestsPerSecond) });
  return {
    guard,
    push: { method: 'POST', path: PUSH_PATH, access: 'ingest', respond: (request) => push(request, RECEIVERS.json) },
  };
}

/** Whether a request is a push, as agents send it: without a query. What else asks for the path goes through the table. */
export function isPush({ method, url }: Request): boolean {
  if (method !== 'POST') return false;
  return url.endsWith(PUSH_PATH) && url.indexOf('/', url.indexOf('//') + 2) === url.length - PUSH_PATH.length;
}
