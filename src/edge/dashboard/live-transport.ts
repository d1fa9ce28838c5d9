/** How the live feed comes to the page: server-sent events, or a WebSocket where the server answers 426 to them. */
import { LIMITS } from '../../model/limits.ts';
import { LIVE_PING, LIVE_PONG } from '../../protocols/live-message.ts';
import type { LiveAnswer } from './answers.ts';

export interface LiveEvents {
  /** The connection stands. */
  readonly live: () => void;
  readonly broken: (willRetry: boolean) => void;
  /** The feed begins: what came before has to be read in another way. */
  readonly begins: () => void;
  readonly take: (changed: readonly LiveAnswer[]) => void;
}

/** What is used of the browser. */
export interface LiveBrowser {
  /** @returns closes it. */
  eventSource(path: string, on: SourceHandlers): () => void;
  webSocket(path: string, on: SocketHandlers): { send(text: string): void; close(): void };
  /** Of a HEAD request: an EventSource does not tell why it was refused. */
  status(path: string): Promise<number>;
  after(delayMs: number, run: () => void): () => void;
}

export interface SourceHandlers {
  open(): void;
  /** @param refused whether the browser does not try again by itself (401, 426, 503). */
  error(refused: boolean): void;
  snapshot(data: string): void;
  change(data: string): void;
}

export interface SocketHandlers {
  open(): void;
  message(data: string): void;
  close(): void;
}

/** @returns closes it; after that there are no events. */
type Connect = (path: string, events: LiveEvents) => () => void;

/** What the server offers is asked once, and remembered. */
export function liveTransport(browser: LiveBrowser): Connect {
  let takesSockets = false;
  return (path, events) => {
    if (takesSockets) return openSocket(browser, path, events);
    let isClosed = false;
    const refused = async (): Promise<void> => {
      const status = await browser.status(path).catch(() => undefined);
      if (isClosed) return;
      takesSockets = status === 426;
      if (takesSockets) close = openSocket(browser, path, events);
      else events.broken(false);
    };
    let close = openSource(browser, path, events, refused);
    return () => {
      isClosed = true;
      close();
    };
  };
}

function clientsIn(data: string): readonly LiveAnswer[] {
  return (JSON.parse(data) as { clients: LiveAnswer[] }).clients;
}

function openSource(browser: LiveBrowser, path: string, events: LiveEvents, refused: () => Promise<void>): () => void {
  const read = (data: string): void => events.take(clientsIn(data));
  return browser.eventSource(path, {
    open: events.live,
    error(isRefused) {
      if (isRefused) void refused();
      else events.broken(true);
    },
    snapshot(data) {
      events.begins();
      read(data);
    },
    change: read,
  });
}

/** Each message is answered, so that the server knows what has been read; silence is asked, and silence again is the end. */
function openSocket(browser: LiveBrowser, path: string, events: LiveEvents): () => void {
  let cancelBeat = (): void => {};
  let isOpen = true;
  let hasBegun = false;
  let hasHeard = true;
  const close = (): void => {
    isOpen = false;
    cancelBeat();
    socket.close();
  };
  const broken = (): void => {
    if (!isOpen) return;
    close();
    events.broken(false);
  };
  const beat = (): void => {
    if (hasHeard) {
      hasHeard = false;
      socket.send(LIVE_PING);
      cancelBeat = browser.after(LIMITS.liveHeartbeatMs, beat);
    } else {
      broken();
    }
  };
  const socket = browser.webSocket(path, {
    open() {
      if (!isOpen) return;
      events.live();
      beat();
    },
    message(data) {
      hasHeard = true;
      if (!isOpen || data === LIVE_PONG) return;
      socket.send(LIVE_PING);
      if (!hasBegun) events.begins();
      hasBegun = true;
      events.take(clientsIn(data));
    },
    close: broken,
  });
  return close;
}
