/** The frame around every view: state of the connection, notices, theme and sign-out. */
import { MetricStreamError } from '../../../model/errors.ts';
import { LIMITS } from '../../../model/limits.ts';
import { setAttribute, setText } from './element.ts';
import type { LiveState } from './live-feed.ts';
import type { Services, View } from './services.ts';
import type { Theme } from './theme.ts';

export interface Shell {
  /** Ends the view before, and shows this one. */
  show(view: View): void;
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

export function createShell(theme: Theme, after: Services['after'], signOut: () => void): Shell {
  const main = find('main', HTMLElement);
  const connection = find('connection', HTMLElement);
  const signOutButton = find('sign-out', HTMLButtonElement);
  const notice = find('notice', HTMLElement);
  let view: View | undefined;
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
      document.title = `${next.title} · MetricStream`;
      main.replaceChildren(next.element);
      scrollTo(0, 0);
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
      connection.hidden = !signedIn;
      signOutButton.hidden = !signedIn;
    },
    focusTitle() {
      main.querySelector('h1')?.focus({ preventScroll: true });
    },
  };
}
