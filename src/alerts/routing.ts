/** Routing: which channels an alert goes to, and which alerts go together. */
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { AlertRoute, Channel, ChannelType } from '../model/incident.ts';
import { compileMatchers, fieldOf, type Matcher } from './matchers.ts';

export interface CompiledRoute extends AlertRoute {
  readonly matches: Matcher;
  /** It goes to all channels of these types, in place of `channels`. */
  readonly types: readonly ChannelType[];
}

export function compileRoute(route: AlertRoute): CompiledRoute {
  return { ...route, matches: compileMatchers(route.match), types: [] };
}

/** Ids of routes that begin so are taken: they stand behind those of the tenant, and take what none of them matches. */
export const DEFAULT_ROUTE_PREFIX = 'default-';

/** A critical page comes in seconds, and news of it within a minute. */
const URGENT = { groupWaitMs: ALERT_LIMITS.criticalWaitMs, groupIntervalMs: ALERT_LIMITS.criticalIntervalMs };
const PATIENT = { groupWaitMs: ALERT_LIMITS.groupWaitMs, groupIntervalMs: ALERT_LIMITS.groupIntervalMs };

/** By severity. */
const DEFAULT_ROUTES: Readonly<Record<'critical' | 'high' | 'informational' | 'custom', CompiledRoute>> = {
  critical: defaultRoute('critical', ['pagerduty'], URGENT),
  high: defaultRoute('high', ['email'], PATIENT),
  informational: defaultRoute('informational', ['slack'], PATIENT),
  custom: defaultRoute('custom', ['webhook', 'alertmanager'], PATIENT),
};

function defaultRoute(name: string, types: readonly ChannelType[], waits: typeof URGENT | typeof PATIENT): CompiledRoute {
  return {
    id: `${DEFAULT_ROUTE_PREFIX}${name}`,
    match: {},
    matches: () => true,
    channels: [],
    types,
    groupBy: ['rule', 'datacenter'],
    ...waits,
    repeatMs: ALERT_LIMITS.repeatMs,
    escalateAfterMs: undefined,
    escalateTo: [],
  };
}

/** Waits of a route that does not say them. */
export function defaultWaits(severity: string | undefined): typeof URGENT | typeof PATIENT {
  return severity === 'critical' ? URGENT : PATIENT;
}

/** @param routes in their order. */
export function routeOf(routes: readonly CompiledRoute[], transition: Transition): CompiledRoute {
  const own = routes.find((route) => route.matches(transition));
  if (own !== undefined) return own;
  const { severity } = transition;
  const isNamed = severity === 'critical' || severity === 'high' || severity === 'informational';
  return DEFAULT_ROUTES[isNamed ? severity : 'custom'];
}

/** @returns the route of this id, as it is now; undefined where it was removed. */
export function routeById(routes: readonly CompiledRoute[], id: string): CompiledRoute | undefined {
  return routes.find((route) => route.id === id) ?? Object.values(DEFAULT_ROUTES).find((route) => route.id === id);
}

/** @returns the enabled ones, by their ids. */
export function channelsOf(route: CompiledRoute, channels: readonly Channel[]): readonly Channel[] {
  return channels.filter(({ id, type, enabled }) => enabled && (route.types.includes(type) || route.channels.includes(id)));
}

/** What the alerts of a group have in common; names that an alert does not have are left out. */
export function groupLabelsOf(route: CompiledRoute, transition: Transition): Readonly<Record<string, string>> {
  const named = route.groupBy.map((name) => [name, fieldOf(transition, name)] as const);
  return Object.fromEntries(named.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

export function groupKeyOf(tenant: string, route: CompiledRoute, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([tenant, route.id, ...route.groupBy.flatMap((name) => [name, labels[name] ?? null])]);
}
