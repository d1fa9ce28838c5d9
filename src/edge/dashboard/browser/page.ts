/** Starts the page: theme, session, and the view that the address names. The only file that takes what the browser has. */
import { MetricStreamError } from '../../../model/errors.ts';
import { parseRoute, type Route } from '../routes.ts';
import { createApi } from './api.ts';
import { setAttribute, setText } from './element.ts';
import { fleetView } from './fleet-view.ts';
import { hostView } from './host-view.ts';
import { type LiveState, liveFeed } from './live-feed.ts';
import type { Services, View } from './services.ts';
import { signInView } from './sign-in.ts';
import { createTheme } from './theme.ts';

const STATES: Readonly<Record<LiveState | 'trouble', string>> = {
  live: 'Live',
  connecting: 'Connecting',
  paused: 'Paused',
  trouble: 'No connection',
};

function find<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new MetricStreamError('internal', `The page has no #${id}.`);
  return found;
}

const every: Services['every'] = (intervalMs, run) => {
  const timer = setInterval(run, intervalMs);
  return () => clearInterval(timer);
};

const after: Services['after'] = (delayMs, run) => {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
};

function start(): void {
  const theme = createTheme(() => localStorage);
  const main = find('main', HTMLElement);
  const connection = find('connection', HTMLElement);
  const signOut = find('sign-out', HTMLButtonElement);
  const notice = find('notice', HTMLElement);
  const themeButton = find('theme', HTMLButtonElement);
  let view: View | undefined;

  const showState = (state: LiveState | 'trouble'): void => {
    setAttribute(connection, 'data-state', state);
    setText(connection, STATES[state]);
  };
  const api = createApi(
    (input, init) => fetch(input, init),
    () => Date.now(),
  );
  const show = (next: View): void => {
    view?.stop();
    view = next;
    document.title = `${next.title} · MetricStream`;
    main.replaceChildren(next.element);
    scrollTo(0, 0);
  };
  const askForKey = (message: string): void => {
    // Several calls may be refused at once: what somebody is typing stays.
    if (signOut.hidden && view && message === '') return;
    connection.hidden = true;
    signOut.hidden = true;
    show(signInView(enter, message));
    document.getElementById('key')?.focus();
  };
  const enter = async (key: string): Promise<void> => {
    await api.signIn(key);
    open(parseRoute(location.hash));
  };
  const report = (failure: unknown): void => {
    const known =
      failure instanceof MetricStreamError ? failure : new MetricStreamError('internal', 'The page has met an error.');
    if (known.code === 'unauthorized') return askForKey('');
    showState('trouble');
    setText(notice, `${known.message} Trying again.`);
    clearNotice();
    clearNotice = after(8_000, () => setText(notice, ''));
    if (known !== failure) throw failure;
  };
  let clearNotice = (): void => {};
  const services: Services = {
    api,
    theme,
    every,
    after,
    report,
    now: () => Date.now() + api.clockOffsetMs(),
    live: liveFeed(after, showState),
  };
  const open = (route: Route): void => {
    if (route.view === 'key') {
      history.replaceState(null, '', `${location.pathname}#/`);
      enter(route.key).catch((failure: MetricStreamError) => {
        askForKey(failure.code === 'unauthorized' ? 'The key of this link is not valid, or no longer.' : failure.message);
      });
      return;
    }
    connection.hidden = false;
    signOut.hidden = false;
    show(route.view === 'host' ? hostView(services, route.client, route.range) : fleetView(services));
  };
  const nameTheme = (): void =>
    setAttribute(themeButton, 'aria-label', `Switch to ${theme.current() === 'dark' ? 'light' : 'dark'} colours`);
  theme.onChange(nameTheme);
  nameTheme();
  themeButton.addEventListener('click', theme.toggle);
  find('skip', HTMLAnchorElement).addEventListener('click', (event) => {
    event.preventDefault();
    main.focus();
  });
  signOut.addEventListener('click', () => {
    api.signOut().then(() => askForKey('You have signed out.'), report);
  });
  addEventListener('hashchange', () => {
    open(parseRoute(location.hash));
    main.querySelector('h1')?.focus({ preventScroll: true });
  });
  open(parseRoute(location.hash));
}

start();
