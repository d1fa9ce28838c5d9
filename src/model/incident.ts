/** The words of paging: incidents, silences, channels, routes and notifications. */
import type { AlertState, Transition } from './alert.ts';

/** Where an incident's page stands. `undelivered`: no channel is set up for it; `not_needed`: it ended before anyone had to be told. */
export type DeliveryState =
  | 'waiting'
  | 'undelivered'
  | 'sending'
  | 'delivered'
  | 'failed'
  | 'silenced'
  | 'inhibited'
  | 'maintenance'
  | 'not_needed';

/** One alert of an incident, as its last transition left it. */
export interface IncidentAlert {
  /** Identity of the alert. */
  readonly alert: string;
  readonly group: string;
  readonly rule: string;
  readonly client: string;
  readonly severity: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: AlertState;
  readonly onsetMs: number;
  readonly atMs: number;
  readonly values: Readonly<Record<string, number>>;
  readonly explanations: readonly string[];
}

export interface Note {
  readonly by: string;
  readonly atMs: number;
  readonly text: string;
}

export interface Incident {
  readonly id: string;
  readonly tenant: string;
  /** What its alerts have in common, by the route's `groupBy`. */
  readonly groupLabels: Readonly<Record<string, string>>;
  /** Id of the route that it took. */
  readonly route: string;
  readonly title: string;
  /** The highest of its alerts so far. */
  readonly severity: string;
  readonly state: 'open' | 'acknowledged' | 'resolved';
  readonly delivery: DeliveryState;
  /** Earliest onset of its alerts, event time; when it was opened, first paged, acknowledged, resolved: Unix ms. */
  readonly onsetMs: number;
  readonly openedMs: number;
  readonly notifiedMs: number | undefined;
  readonly acknowledgedMs: number | undefined;
  readonly acknowledgedBy: string | undefined;
  readonly resolvedMs: number | undefined;
  /** How often it was escalated. */
  readonly escalations: number;
  readonly notes: readonly Note[];
  /** At most incidentAlertsMax of them; `alertCount` says how many there are. */
  readonly alerts: readonly IncidentAlert[];
  readonly alertCount: number;
}

export type HistoryKind =
  | 'transition'
  | 'opened'
  | 'notified'
  | 'delivered'
  | 'delivery_failed'
  | 'undelivered'
  | 'held'
  | 'escalated'
  | 'acknowledged'
  | 'note'
  | 'resolved';

/** One line of an incident's history. Transitions that belong to no incident have an empty one. */
export interface HistoryEntry {
  readonly id: string;
  readonly tenant: string;
  readonly incident: string;
  readonly kind: HistoryKind;
  /** Unix ms: event time of a transition, else the time at which it happened here. */
  readonly atMs: number;
  readonly by: string;
  readonly text: string;
  readonly transition: Transition | undefined;
}

/** Matchers by name: `host`, `rule`, `severity`, `datacenter`, `environment`, any label. `*` stands for any text, a leading `!` for not. */
export type Matchers = Readonly<Record<string, string>>;

export interface Silence {
  readonly id: string;
  readonly match: Matchers;
  readonly by: string;
  readonly comment: string;
  readonly startsMs: number;
  readonly endsMs: number;
}

/** A window of maintenance that recurs: cron's five fields in a time zone say when it starts. */
export interface Maintenance {
  readonly id: string;
  readonly match: Matchers;
  readonly comment: string;
  readonly by: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly durationMs: number;
}

export const CHANNEL_TYPES = ['email', 'pagerduty', 'slack', 'webhook', 'alertmanager'] as const;
export type ChannelType = (typeof CHANNEL_TYPES)[number];

/** Where pages go. Secrets are kept apart, encrypted, and never shown. */
export interface Channel {
  readonly id: string;
  readonly type: ChannelType;
  /** What is not secret: `to`, `url` of a webhook without its query, `from`. */
  readonly settings: Readonly<Record<string, string>>;
  /** A page that proves it, each so many ms; undefined: none. */
  readonly canaryEveryMs: number | undefined;
  readonly enabled: boolean;
}

/** Which alerts go where, and how they are gathered. Routes are tried in order; the first that matches counts. */
export interface AlertRoute {
  readonly id: string;
  readonly match: Matchers;
  /** Ids of channels. */
  readonly channels: readonly string[];
  /** Names whose values make a group; `rule`, `host` and `datacenter` among them. */
  readonly groupBy: readonly string[];
  /** How long a new group waits for more of it before it pages. */
  readonly groupWaitMs: number;
  /** Between two pages for alerts that join a group. */
  readonly groupIntervalMs: number;
  readonly repeatMs: number;
  /** Unacknowledged for so long, it goes to `escalateTo`, too; undefined: never. */
  readonly escalateAfterMs: number | undefined;
  readonly escalateTo: readonly string[];
}

/** What is sent to a channel. Its id is the same with every attempt. */
export interface Notification {
  readonly id: string;
  readonly tenant: string;
  readonly channel: string;
  readonly event: 'trigger' | 'update' | 'acknowledge' | 'resolve' | 'test' | 'canary';
  /** One for all notifications of an incident: PagerDuty's dedup_key. */
  readonly dedupKey: string;
  readonly atMs: number;
  /** As the incident stood when it was decided to send. */
  readonly incident: Incident;
  /** Where the incident can be looked at; undefined where the server was not told its address. */
  readonly link: string | undefined;
}

/**
 * What a tenant keeps: `rules` has one document, `file`, whose body is the YAML text, a string. The others are the Silence, Maintenance,
 * Channel and AlertRoute of this file. A body that is put has neither `id` nor `by`, which come from the change; what may be left
 * out may be missing. That of a channel has `secrets`, names and texts, too: left out, those that it had stay.
 */
export const BOOK_KINDS = ['rules', 'silence', 'maintenance', 'channel', 'route'] as const;
export type BookKind = (typeof BOOK_KINDS)[number];
