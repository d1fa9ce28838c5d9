/** The frame around every view: the ways to the others, state of the connection, notices, theme and sign-out. */
import { MetricStreamError } from '../../../model/errors.ts';
import { LIMITS } from '../../../model/limits.ts';
import type { IncidentRow } from '../alerts/answers.ts';
import { badgeOf } from '../alerts/incidents.ts';
import type { Route } from '../routes.ts';
import { setAttribute, setText } from './element.ts';
import type { LiveState } from './live-feed.ts';
import type { Services, View } from './services.ts';
import type { Theme } from './theme.ts';

export interface Shell {
  /** Ends the view before, and shows this one. */
  show(view: View): void;
  /** Which of the views it is, among the ways to them. */
  showPlace(view: Route['view']): void;
  /** How many incidents there are, beside the way to them and in the tab. @param active undefined: not known; none: there are no alerts here. */
  showAlerts(active: readonly IncidentRow[] | undefined | 'none'): void;
  showConnection(state: LiveState): void;
  /** For a while, in words; screen readers say it. */
  notice(text: string): void;
  /** Signing out and the state of the connection mean something. */
  setSignedIn(signedIn: boolean): void;
  focusTitle(): void;
}

const CONNECTIONS: Readonly<Record<LiveState, string>> = {
  live: 'Live',
  connecting: 'Connecting',
  paused: 'Paused',
};

function find<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new MetricStreamError('internal', `The page has no #${id}.`);
  return found;
}

function themeButton(theme: Theme): void {
  const button = find('theme', HTMLButtonElement);
  const name = (): void =>
    setAttribute(button, 'aria-label', `Switch to ${theme.current() === 'dark' ? 'light' : 'dark'} colours`);
  button.addEventListener('click', theme.toggle);
  theme.onChange(name);
  name();
}

/** Views that have no way of their own stand under another. */
const PLACES: Readonly<Partial<Record<Route['view'], string>>> = { host: 'fleet', incident: 'alerts' };

function waysTo() {
  const nav = find('views', HTMLElement);
  const badge = find('badge', HTMLElement);
  const links = [...nav.querySelectorAll('a')];
  return {
    setHidden(hidden: boolean) {
      nav.hidden = hidden;
    },
    showPlace(view: Route['view']) {
      const place = PLACES[view] ?? view;
      for (const link of links) {
        if (link.dataset.view === place) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
      }
    },
    /** @returns what stands before the title of the tab. */
    showAlerts(active: readonly IncidentRow[] | undefined | 'none'): string {
      for (const link of links) if (link.dataset.view !== 'fleet') link.hidden = active === 'none';
      const { active: all, open } = badgeOf(active === 'none' ? [] : (active ?? []));
      badge.hidden = all === 0;
      setText(badge, String(open > 0 ? open : all));
      setAttribute(badge, 'data-tone', open > 0 ? 'bad' : 'plain');
      setAttribute(badge, 'aria-label', open > 0 ? `${open} open` : `${all} acknowledged`);
      badge.title = `${open} open, ${all - open} acknowledged`;
      return open > 0 ? `(${open}) ` : '';
    },
  };
}

export function createShell(theme: Theme, after: Services['after'], signOut: () => void): Shell {
  const main = find('main', HTMLElement);
  const connection = find('connection', HTMLElement);
  const signOutButton = find('sign-out', HTMLButtonElement);
  const notice = find('notice', HTMLElement);
  const ways = waysTo();
  let view: View | undefined;
  let count = '';
  const showTitle = (): void => {
    const title = `${count}${view?.title ?? ''} · MetricStream`;
    if (document.title !== title) document.title = title;
  };
  let keepNotice = (): void => {};
  themeButton(theme);
  signOutButton.addEventListener('click', signOut);
  find('skip', HTMLAnchorElement).addEventListener('click', (event) => {
    // The part behind # names a view here.
    event.preventDefault();
    main.focus();
  });
  return {
    show(next) {
      view?.stop();
      view = next;
      showTitle();
      main.replaceChildren(next.element);
      scrollTo(0, 0);
    },
    showPlace: ways.showPlace,
    showAlerts(active) {
      count = ways.showAlerts(active);
      showTitle();
    },
    showConnection(state) {
      setAttribute(connection, 'data-state', state);
      setText(connection, CONNECTIONS[state]);
    },
    notice(text) {
      setText(notice, text);
      keepNotice();
      keepNotice = after(LIMITS.pageNoticeMs, () => setText(notice, ''));
    },
    setSignedIn(signedIn) {
      ways.setHidden(!signedIn);
      connection.hidden = !signedIn;
      signOutButton.hidden = !signedIn;
    },
    focusTitle() {
      main.querySelector('h1')?.focus({ preventScroll: true });
    },
  };
}
