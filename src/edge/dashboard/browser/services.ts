/** What every view of the page gets from the outside: the API, the live feed, the clock, timers and the theme. */
import type { Api } from './api.ts';
import type { LiveFeed } from './live-feed.ts';
import type { Theme } from './theme.ts';

export interface Services {
  readonly api: Api;
  readonly live: LiveFeed;
  readonly theme: Theme;
  /** Unix ms by the server's clock: ages must not depend on the clock of the one who looks. */
  readonly now: () => number;
  /** @returns stops it. */
  readonly every: (intervalMs: number, run: () => void) => () => void;
  readonly after: (delayMs: number, run: () => void) => () => void;
  /** Shows what went wrong, and asks for a key where one is needed. */
  readonly report: (failure: unknown) => void;
}

/** One screen. `stop` ends its timers, feeds and requests; the element is dropped by the caller. */
export interface View {
  readonly title: string;
  readonly element: HTMLElement;
  readonly stop: () => void;
}
