/** Starts the page: session, and the view that the address names. The only file that takes clock, network and timers. */
import { MetricStreamError } from '../../../model/errors.ts';
import { parseRoute, type Route } from '../routes.ts';
import { createAlertApi } from './alerts/alert-api.ts';
import { alertsView } from './alerts/alerts-view.ts';
import { channelsView } from './alerts/channels-view.ts';
import { historyView } from './alerts/history-view.ts';
import { incidentView } from './alerts/incident-view.ts';
import { incidentWatch } from './alerts/incident-watch.ts';
import { rulesView } from './alerts/rules-view.ts';
import { createApi } from './api.ts';
import { createCaller, isRetryable } from './caller.ts';
import { fleetView } from './fleet-view.ts';
import { hostView } from './host-view.ts';
import { liveFeed } from './live-feed.ts';
import type { Services, View } from './services.ts';
import { createSession } from './session.ts';
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

type PlaceRoute = Exclude<Route, { readonly view: 'key' }>;

function viewOf(services: Services, route: PlaceRoute): View {
  switch (route.view) {
    case 'host':
      return hostView(services, route.client, route.range);
    case 'alerts':
      return alertsView(services);
    case 'incident':
      return incidentView(services, route.id);
    case 'history':
      return historyView(services, route.filter);
    case 'rules':
      return rulesView(services);
    case 'channels':
      return channelsView(services);
    case 'fleet':
      return fleetView(services);
  }
}

/** Views that have a live feed say themselves whether it is there. */
const hasFeed = ({ view }: Route): boolean => view === 'fleet' || view === 'host';

function start(): void {
  const theme = createTheme(() => localStorage);
  const session = createSession(() => localStorage);
  const request: typeof fetch = (input, init) => fetch(input, init);
  const caller = createCaller(request, () => Date.now());
  const api = createApi(caller);
  const alerts = createAlertApi(caller);
  let asking = false;

  /** Several calls may be refused at once: what somebody is typing into the form stays. */
  const askForKey = (message: string): void => {
    if (asking && message === '') return;
    asking = true;
    incidents.stop();
    shell.setSignedIn(false);
    shell.show(signInView(enter, message));
    document.getElementById('key')?.focus();
  };
  const enter = async (key: string): Promise<void> => {
    session.setRole(await api.signIn(key));
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
  const signOut = (): void => {
    session.setRole(undefined);
    api.signOut().then(() => askForKey('You have signed out.'), report);
  };
  const shell = createShell(theme, after, signOut);
  const outcome = (answered: boolean): void => {
    if (!hasFeed(parseRoute(location.hash))) shell.showConnection(answered ? 'live' : 'connecting');
  };
  const incidents = incidentWatch({ api: alerts, every, report, outcome });
  incidents.onChange(() => shell.showAlerts(incidents.absent ? 'none' : incidents.active));
  const now = (): number => Date.now() + api.clockOffsetMs();
  const live = liveFeed(after, shell.showConnection);
  const drafts = new Map<string, string>();
  const services: Services = {
    ...{ api, alerts, incidents, session, live, theme, every, after, report, now, drafts },
    askForKey: () => askForKey('Sign in with a key that may do more.'),
  };

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
    shell.showPlace(route.view);
    incidents.start();
    shell.show(viewOf(services, route));
  };
  addEventListener('hashchange', () => {
    open(parseRoute(location.hash));
    shell.focusTitle();
  });
  open(parseRoute(location.hash));
}

start();
