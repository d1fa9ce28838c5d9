/** The page takes server-sent events or a WebSocket, as the server offers. */
import { expect, test } from 'vitest';
import {
  type LiveBrowser,
  type LiveEvents,
  liveTransport,
  type SocketHandlers,
  type SourceHandlers,
} from '../../../src/edge/dashboard/live-transport.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import { LIVE_BEGINS, LIVE_PING, LIVE_PONG } from '../../../src/protocols/live-message.ts';

const CHANGE = '{"clients":[{"client_id":"a","sample_ms":1,"seen_ms":2,"keys":["cpu"],"values":[3]}]}';

/** A browser in front of a server that answers HEAD with this status; `log` says what happened, in order. */
function browserAt(status: number | Error) {
  const log: string[] = [];
  const sources: SourceHandlers[] = [];
  const sockets: SocketHandlers[] = [];
  const timers = new Set<() => void>();
  const browser: LiveBrowser = {
    eventSource(path, on) {
      log.push(`source ${path}`);
      sources.push(on);
      return () => log.push('source closed');
    },
    webSocket(path, on) {
      log.push(`socket ${path}`);
      sockets.push(on);
      return { send: (text) => log.push(`sent ${text}`), close: () => log.push('socket closed') };
    },
    async status() {
      log.push('HEAD');
      if (status instanceof Error) throw status;
      return status;
    },
    after(delayMs, run) {
      expect(delayMs).toBe(LIMITS.liveHeartbeatMs);
      timers.add(run);
      return () => timers.delete(run);
    },
  };
  const events: LiveEvents = {
    live: () => log.push('live'),
    broken: (willRetry) => log.push(`broken, retries: ${willRetry}`),
    begins: () => log.push('begins'),
    take: (changed) => log.push(`took ${changed.map(({ client_id }) => client_id).join()}`),
  };
  const connect = liveTransport(browser);
  return {
    log,
    timers,
    source: () => sources.at(-1) ?? expect.fail('no source'),
    socket: () => sockets.at(-1) ?? expect.fail('no socket'),
    connect: () => connect('/live', events),
    /** What was logged since the last time. */
    news: () => log.splice(0),
    tick() {
      const due = [...timers];
      timers.clear();
      for (const run of due) run();
    },
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A socket that stands, after the source was refused. */
async function onSocket() {
  const page = browserAt(426);
  const close = page.connect();
  page.source().error(true);
  await settle();
  page.socket().open();
  page.news();
  return { ...page, close };
}

test('a server that sends events is asked for nothing else', () => {
  const page = browserAt(200);
  const close = page.connect();
  page.source().open();
  page.source().snapshot(LIVE_BEGINS);
  page.source().change(CHANGE);
  page.source().error(false);
  close();
  expect(page.news()).toEqual(['source /live', 'live', 'begins', 'took ', 'took a', 'broken, retries: true', 'source closed']);
});

test('one that answers 426 gets a WebSocket, at once and from then on', async () => {
  const page = browserAt(426);
  const close = page.connect();
  page.source().error(true);
  await settle();
  expect(page.news()).toEqual(['source /live', 'HEAD', 'socket /live']);
  close();
  page.connect();
  expect(page.news()).toEqual(['socket closed', 'socket /live']);
});

test.each([401, 503, new Error('offline')])('one that refuses with %s is asked again later, in the same way', async (status) => {
  const page = browserAt(status);
  page.connect();
  page.source().error(true);
  await settle();
  expect(page.news()).toEqual(['source /live', 'HEAD', 'broken, retries: false']);
  page.connect();
  expect(page.news()).toEqual(['source /live']);
});

test('what is closed while it asks opens nothing', async () => {
  const page = browserAt(426);
  const close = page.connect();
  page.source().error(true);
  close();
  await settle();
  expect(page.news()).toEqual(['source /live', 'HEAD', 'source closed']);
});

test('the first message of a socket begins the feed, and each is answered', async () => {
  const { socket, news } = await onSocket();
  socket().message(LIVE_BEGINS);
  socket().message(CHANGE);
  socket().message(LIVE_PONG);
  expect(news()).toEqual([`sent ${LIVE_PING}`, 'begins', 'took ', `sent ${LIVE_PING}`, 'took a']);
});

test('a socket that is silent is asked, and given up where it stays silent', async () => {
  const { socket, tick, news } = await onSocket();
  socket().message(LIVE_PONG);
  tick();
  expect(news()).toEqual([`sent ${LIVE_PING}`]);
  tick();
  expect(news()).toEqual(['socket closed', 'broken, retries: false']);
  socket().close();
  socket().message(CHANGE);
  expect(news()).toEqual([]);
});

test('a socket that the server closes is opened again later; one that the page closes is not, and leaves no timer', async () => {
  const { socket, news } = await onSocket();
  socket().close();
  expect(news()).toEqual(['socket closed', 'broken, retries: false']);
  const other = await onSocket();
  other.close();
  other.socket().close();
  expect(other.news()).toEqual(['socket closed']);
  expect(other.timers.size).toBe(0);
});
