/** What alerting answers to the page, as the API's own schemas say it. */
import type { z } from 'zod';
import type * as schemas from '../../alert-answer-schemas.ts';
import type { bookProblem } from '../../schemas.ts';

type Answer<S extends Exclude<keyof typeof schemas, 'listed'>> = z.output<(typeof schemas)[S]>;

export type IncidentRow = Answer<'incidentRow'>;
export type IncidentFull = Answer<'incident'>;
export type IncidentAlertAnswer = Answer<'incidentAlert'>;
export type TimelineEntry = Answer<'historyEntry'>;
export type TransitionAnswer = Answer<'transition'>;
export type AlertAnswer = Answer<'activeAlert'>;
export type RuleAnswer = Answer<'rule'>;
export type BacktestAnswer = Answer<'backtestAnswer'>;
export type ChannelAnswer = Answer<'channel'>;
export type RouteAnswer = Answer<'route'>;
export type SilenceAnswer = Answer<'silence'>;
export type MaintenanceAnswer = Answer<'maintenance'>;
export type ResponseTimeAnswer = Answer<'responseTime'>;
export type Problem = z.output<typeof bookProblem>;
