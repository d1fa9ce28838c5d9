/** Who is told of what no route takes: by its severity a type of channel, and nobody where there is none. */
import type { ChannelType } from '../../../model/incident.ts';
import type { ChannelAnswer, RouteAnswer } from './answers.ts';
import { CHANNEL_NAMES } from './forms.ts';

export interface Covered {
  readonly severity: string;
  /** Types of channels, in words. */
  readonly wanted: string;
  /** Names of those that are set up and enabled. */
  readonly channels: readonly string[];
}

const USUAL: readonly (readonly [severity: string, types: readonly ChannelType[]])[] = [
  ['critical', ['pagerduty']],
  ['high', ['email']],
  ['informational', ['slack']],
  ['any other severity', ['webhook', 'alertmanager']],
];

/** @returns nothing where a route takes every alert. */
export function coverageOf(channels: readonly ChannelAnswer[], routes: readonly RouteAnswer[]): Covered[] {
  if (routes.some(({ match }) => Object.keys(match).length === 0)) return [];
  const taken = new Set(routes.flatMap(({ match }) => (Object.keys(match).join() === 'severity' ? [match.severity ?? ''] : [])));
  return USUAL.filter(([severity]) => !taken.has(severity)).map(([severity, types]) => ({
    severity,
    wanted: types.map((type) => CHANNEL_NAMES[type]).join(' or '),
    channels: channels.filter(({ type, enabled }) => enabled && types.includes(type)).map(({ id }) => id),
  }));
}

/** Routes that lead to nobody: each of their channels is missing or switched off. */
export function deadRoutes(channels: readonly ChannelAnswer[], routes: readonly RouteAnswer[]): ReadonlySet<string> {
  const alive = new Set(channels.filter(({ enabled }) => enabled).map(({ id }) => id));
  return new Set(routes.filter((route) => !route.channels.some((id) => alive.has(id))).map(({ id }) => id));
}
