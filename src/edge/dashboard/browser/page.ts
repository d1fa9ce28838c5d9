/** Starts the page: session, and the view that the address names. The only file that takes clock, network and timers. */
import { MetricStreamError } from '../../../model/errors.ts';
import { parseRoute, type Route } from '../routes.ts';
import { createApi } from './api.ts';
import { createCaller, isRetryable } from './caller.ts';
import { fleetView } from './fleet-view.ts';
import { hostView } from './host-view.ts';
import { liveFeed } from './live-feed.ts';
import type { Services } from './services.ts';
import { createShell } from './shell.ts';
import { signInView } from './sign-in.ts';
import { createTheme } from './theme.ts';

const every: Services['every'] = (intervalMs, run) => {
  const timer = setInterval(run, intervalMs);
  return () => clearInterval(timer);
};

const after: Services['after'] = (delayMs, run) => {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
};

function asError(failure: unknown): MetricStreamError {
  if (failure instanceof MetricStreamError) return failure;
  return new MetricStreamError('internal', 'The page has met an error.', { cause: failure });
}

function start(): void {
  const theme = createTheme(() => localStorage);
  const request: typeof fetch = (input, init) => fetch(input, init);
  const api = createApi(request, () => Date.now());
  let asking = false;

  /** Several calls may be refused at once: what somebody is typing into the form stays. */
  const askForKey = (message: string): void => {
    if (asking && message === '') return;
    asking = true;
    shell.setSignedIn(false);
    shell.show(signInView(enter, message));
    document.getElementById('key')?.focus();
  };
  const enter = async (key: string): Promise<void> => {
    await api.signIn(key);
    open(parseRoute(location.hash));
  };
  const report = (failure: unknown): void => {
    const error = asError(failure);
    if (error.code === 'unauthorized') {
      askForKey('');
      return;
    }
    shell.notice(isRetryable(error) ? `${error.message} Trying again.` : error.message);
    if (error.code === 'internal') console.error(error.cause);
  };
  const shell = createShell(theme, after, () => {
    api.signOut().then(() => askForKey('You have signed out.'), report);
  });
  const now = (): number => Date.now() + api.clockOffsetMs();
  const services: Services = { api, theme, every, after, report, now, live: liveFeed(after, shell.showConnection) };

  const open = (route: Route): void => {
    if (route.view === 'key') {
      history.replaceState(null, '', `${location.pathname}#/`);
      enter(route.key).catch((failure: unknown) => {
        const { code, message } = asError(failure);
        askForKey(code === 'unauthorized' ? 'The key of this link is not valid, or no longer.' : message);
      });
      return;
    }
    asking = false;
    shell.setSignedIn(true);
    shell.show(route.view === 'host' ? hostView(services, route.client, route.range) : fleetView(services));
  };
  addEventListener('hashchange', () => {
    open(parseRoute(location.hash));
    shell.focusTitle();
  });
  open(parseRoute(location.hash));
}

start();
