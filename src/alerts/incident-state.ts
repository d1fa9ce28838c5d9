/** What is known of alerts and open incidents: the words that the incident parts share. */
import type { AlertState, Transition } from '../model/alert.ts';
import type { Incident } from '../model/incident.ts';
import type { Hold } from './silences.ts';

/** An alert that is not inactive, or ended a short while ago. */
export interface TrackedAlert {
  /** Its last transition that was no amendment. */
  readonly transition: Transition;
  /** It fired, and has not ended since. */
  readonly burning: boolean;
  /** Of its last firing; empty where it has none. */
  readonly incident: string;
  /** Event times of its last firings, within flapWindowMs. */
  readonly fired: readonly number[];
  /** Since when it waits for other hosts to fall silent, Unix ms. */
  readonly pooledMs: number | undefined;
  /** Its incident was resolved by hand while it fired: then it opens another, Unix ms. */
  readonly dismissedUntilMs: number | undefined;
}

/** An incident that is not resolved. */
export interface OpenIncident {
  incident: Incident;
  /** What makes its group. */
  readonly key: string;
  /** It is about many hosts that fell silent at once. */
  readonly mass: boolean;
  /** Numbers its pages and lines of history. */
  sequence: number;
  /** When the first page is due. */
  readonly waitUntilMs: number;
  lastPageMs: number | undefined;
  /** There is something that was not paged yet. */
  fresh: boolean;
  /** The page that is due waits for a channel. */
  unrouted: boolean;
  /** Why the page that is due waits. */
  held: Pick<Hold, 'reason' | 'untilMs'> | undefined;
  /** One of its alerts flaps: it is not resolved before it was quiet for a while. */
  flapping: boolean;
  quietUntilMs: number | undefined;
  /** One of its alerts ended otherwise than by its host being retired or forgotten. */
  loud: boolean;
  escalatedMs: number | undefined;
  /** Event time at which an alert joined last. */
  joinedMs: number;
  /** Channels that know of it, and what came of the last page there. */
  channels: Readonly<Record<string, 'sending' | 'delivered' | 'failed'>>;
  /** Keys of its alerts that burn. Not stored: the alerts say so themselves. */
  readonly members: Set<string>;
}

export function hasEnded(state: AlertState): boolean {
  return state === 'resolved' || state === 'inactive';
}

/** Key of an alert in memory. */
export function alertKey({ tenant, alert }: Pick<Transition, 'tenant' | 'alert'>): string {
  return `${tenant}\u0000${alert}`;
}
