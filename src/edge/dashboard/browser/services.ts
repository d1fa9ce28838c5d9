/** What every view of the page gets from the outside: the API, the live feed, the session, the clock, timers and the theme. */
import type { AlertApi } from './alerts/alert-api.ts';
import type { IncidentWatch } from './alerts/incident-watch.ts';
import type { Api } from './api.ts';
import type { LiveFeed } from './live-feed.ts';
import type { Session } from './session.ts';
import type { Theme } from './theme.ts';

export interface Services {
  readonly api: Api;
  readonly alerts: AlertApi;
  readonly incidents: IncidentWatch;
  readonly session: Session;
  readonly live: LiveFeed;
  readonly theme: Theme;
  /** Unix ms by the server's clock: ages must not depend on the clock of the one who looks. */
  readonly now: () => number;
  /** @returns stops it. */
  readonly every: (intervalMs: number, run: () => void) => () => void;
  readonly after: (delayMs: number, run: () => void) => () => void;
  /** Shows what went wrong, and asks for a key where one is needed. */
  readonly report: (failure: unknown) => void;
  /** Asks for another key, though there is a session. */
  readonly askForKey: () => void;
  /** What was typed and not saved, by its view: it outlasts a look elsewhere. */
  readonly drafts: Map<string, string>;
}

/** One screen. `stop` ends its timers, feeds and requests; the element is dropped by the caller. */
export interface View {
  readonly title: string;
  readonly element: HTMLElement;
  readonly stop: () => void;
}
