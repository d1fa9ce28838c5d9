/** The live page's WebSocket in workerd: real sockets through the Worker, control awake or asleep, three shards. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { createKey } from '../../src/edge/keys.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { LiveListener } from '../../src/ports/live-feed.ts';
import { LIVE_BEGINS, LIVE_LISTENER_HEADER, LIVE_PING, LIVE_PONG } from '../../src/protocols/live-message.ts';
import type { ControlObject } from '../../src/runtimes/cloudflare.ts';

const ORIGIN = 'https://metrics.example';
const SHARDS = ['shard-0', 'shard-1', 'shard-2'];
const control = () => env.CONTROL.getByName('control');
let tenants = 0;
const opened: Page[] = [];

type Headers = Readonly<Record<string, string>>;

const send = (method: string, path: string, headers: Headers, body?: unknown): Promise<Response> =>
  exports.default.fetch(
    new Request(ORIGIN + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }),
  );

const bearer = (key: string): Headers => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' });

interface Page {
  readonly socket: WebSocket;
  readonly messages: string[];
  /** What has come, once there are so many messages. */
  heard(count: number): Promise<string[]>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

/** A tenant of its own for each test: objects outlive tests. */
async function people() {
  tenants += 1;
  const tenant = `live-${tenants}`;
  const make = (role: 'ingest' | 'read' | 'admin') => createKey(env.METRICSTREAM_SECRET, { tenant, role }, Date.now());
  const [agent, reader, admin] = await Promise.all([make('ingest'), make('read'), make('admin')]);
  return {
    tenant,
    reader,
    async push(client: string, value: number): Promise<void> {
      const metrics = [
        { name: 'cpu', value },
        { name: 'load1', value: value / 10, labels: { core: 'a' } },
      ];
      expect((await send('POST', '/metrics', bearer(agent.key), { client_id: client, metrics })).status).toBe(202);
    },
    revoke: (keyId: string) => send('POST', '/api/v1/keys/revoke', bearer(admin.key), { key_id: keyId }),
  };
}

const handshake = (headers: Headers, query = ''): Promise<Response> =>
  send('GET', `/api/v1/live${query}`, { ...headers, upgrade: 'websocket' });

function pageOf({ status, webSocket: socket }: Response): Page {
  expect(status).toBe(101);
  if (socket === null) expect.fail('no socket');
  const messages: string[] = [];
  let told = (): void => {};
  socket.addEventListener('message', ({ data }) => {
    messages.push(String(data));
    if (data !== LIVE_PONG) socket.send(LIVE_PING);
    told();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => socket.addEventListener('close', resolve));
  socket.accept();
  const changes = (): string[] => messages.filter((message) => message !== LIVE_PONG);
  const page: Page = {
    socket,
    messages,
    closed,
    async heard(count) {
      while (changes().length < count) await new Promise<void>((resolve) => (told = resolve));
      return changes();
    },
  };
  opened.push(page);
  return page;
}

const clientsIn = (message: string | undefined) =>
  (JSON.parse(message ?? '') as { clients: { client_id: string; keys: string[]; values: number[] }[] }).clients;

/** A test whose pages are closed in it: a socket belongs to the object that a test runs in. */
const closing = (body: () => Promise<void>) => async (): Promise<void> => {
  try {
    await body();
  } finally {
    for (const { socket, closed } of opened.splice(0)) {
      if (socket.readyState === WebSocket.OPEN) socket.close(1000);
      await closed;
    }
  }
};

describe('a page that listens', () => {
  test(
    'is told first that the feed begins, then what changes, as server-sent events would say it',
    closing(async () => {
      const { reader, push } = await people();
      const page = pageOf(await handshake(bearer(reader.key)));
      expect(await page.heard(1)).toEqual([LIVE_BEGINS]);
      await push('a', 1);
      const [, change] = await page.heard(2);
      expect(change).toMatch(
        /^\{"clients":\[\{"client_id":"a","sample_ms":\d+,"seen_ms":\d+,"keys":\["cpu","load1\{core=a\}"\],"values":\[1,0\.1\]\}\]\}$/,
      );
    }),
  );

  test(
    'hears of its tenant, client and metrics only',
    closing(async () => {
      const [mine, other] = [await people(), await people()];
      const all = pageOf(await handshake(bearer(mine.reader.key)));
      const one = pageOf(await handshake(bearer(mine.reader.key), '?client=b&metric=load1'));
      for (const page of [all, one]) await page.heard(1);
      await other.push('x', 1);
      await mine.push('a', 1);
      await mine.push('b', 2);
      const [, change] = await one.heard(2);
      expect(clientsIn(change)).toMatchObject([{ client_id: 'b', keys: ['load1{core=a}'], values: [0.2] }]);
      const heard = async (count: number): Promise<string[]> =>
        (await all.heard(count)).flatMap(clientsIn).map((one) => one.client_id);
      let count = 2;
      while ((await heard(count)).length < 2) count += 1;
      expect((await heard(count)).sort()).toEqual(['a', 'b']);
    }),
  );

  test(
    'stays over the sleep of control, whose beats do not wake it, and is told again after a shard has started anew',
    closing(async () => {
      const { reader, push } = await people();
      const page = pageOf(await handshake(bearer(reader.key)));
      await page.heard(1);
      await evictDurableObject(control());
      await push('a', 1);
      expect(clientsIn((await page.heard(2))[1])).toMatchObject([{ client_id: 'a' }]);
      for (const shard of SHARDS) await evictDurableObject(env.SHARD.getByName(shard));
      // Its first push lets control know of it.
      let value = 2;
      const pushing = setInterval(() => void push('a', value++), 500);
      try {
        expect(clientsIn((await page.heard(3))[2])).toMatchObject([{ client_id: 'a' }]);
      } finally {
        clearInterval(pushing);
      }
      expect(page.messages).toContain(LIVE_PONG);
    }),
  );
});

describe('a page is let go', () => {
  test(
    'when its key is revoked',
    closing(async () => {
      const { reader, revoke } = await people();
      const page = pageOf(await handshake(bearer(reader.key)));
      await page.heard(1);
      expect((await revoke(reader.keyId)).status).toBe(200);
      expect(await page.closed).toMatchObject({ code: 1008, reason: 'revoked' });
      expect((await handshake(bearer(reader.key))).status).toBe(401);
    }),
  );

  test(
    'when its session ends, and no other',
    closing(async () => {
      const { reader } = await people();
      const signIn = async (): Promise<Headers> => {
        const response = await send('POST', '/api/v1/session', bearer(reader.key));
        return { cookie: response.headers.get('set-cookie')?.split(';')[0] ?? '', origin: ORIGIN, host: 'metrics.example' };
      };
      const [ended, lasting] = [await signIn(), await signIn()];
      const pages = [pageOf(await handshake(ended)), pageOf(await handshake(lasting))] as const;
      for (const page of pages) await page.heard(1);
      expect((await send('DELETE', '/api/v1/session', ended)).status).toBe(204);
      expect(await pages[0].closed).toMatchObject({ code: 1008 });
      expect(pages[1].socket.readyState).toBe(WebSocket.OPEN);
    }),
  );

  test(
    'by the alarm when its key has expired, which then is not set again',
    closing(async () => {
      const { tenant } = await people();
      const listener: LiveListener = { tenant, keyId: `${tenant}.short`, expiresMs: Date.now() + 200 };
      const headers = { upgrade: 'websocket', [LIVE_LISTENER_HEADER]: JSON.stringify(listener) };
      const page = pageOf(await control().fetch('https://control/live', { headers }));
      await new Promise((resolve) => setTimeout(resolve, 250));
      expect(await runDurableObjectAlarm(control())).toBe(true);
      expect(await page.closed).toMatchObject({ code: 1008 });
      expect(await runInDurableObject(control(), (_: ControlObject, { storage }) => storage.getAlarm())).toBe(null);
    }),
  );

  test(
    'when it says anything',
    closing(async () => {
      const { reader } = await people();
      const page = pageOf(await handshake(bearer(reader.key)));
      page.socket.send('{}');
      expect(await page.closed).toMatchObject({ code: 1008 });
    }),
  );
});

describe('the handshake', () => {
  test(
    'is asked for by 426, and needs a key that may read and a list of metrics that hangs at a socket',
    closing(async () => {
      const { reader } = await people();
      const plain = await send('GET', '/api/v1/live', bearer(reader.key));
      expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
      expect(await plain.json()).toMatchObject({ code: 'upgrade_required' });
      expect((await send('HEAD', '/api/v1/live', bearer(reader.key))).status).toBe(426);
      expect((await send('GET', '/api/v1/live', {})).status).toBe(401);
      expect((await handshake({})).status).toBe(401);
      const names = Array.from({ length: 100 }, (_, i) => `m${i}_${'x'.repeat(150)}`);
      expect((await handshake(bearer(reader.key), `?metric=${names}`)).status).toBe(422);
      expect((await handshake(bearer(reader.key), '?metric=')).status).toBe(422);
      const page = pageOf(await handshake(bearer(reader.key), `?metric=${names.slice(0, 70)}`));
      await page.heard(1);
    }),
  );

  test(
    'of a session comes from our own page: a browser lets every site open a socket',
    closing(async () => {
      const { reader } = await people();
      const signedIn = await send('POST', '/api/v1/session', bearer(reader.key));
      const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
      expect((await handshake({ cookie })).status).toBe(403);
      expect((await handshake({ cookie, origin: 'https://evil.example', host: 'metrics.example' })).status).toBe(403);
      expect((await handshake({ cookie, 'sec-fetch-site': 'same-site' })).status).toBe(403);
      await pageOf(await handshake({ cookie, 'sec-fetch-site': 'same-origin' })).heard(1);
    }),
  );
});

test(
  'a shard tells control nothing while nobody watches',
  closing(async () => {
    const { reader, push } = await people();
    const calls: string[] = [];
    const restore = await runInDurableObject(control(), (object: ControlObject) => {
      const shared = Object.getPrototypeOf(Object.getPrototypeOf(object)) as { liveChanged: ControlObject['liveChanged'] };
      const real = shared.liveChanged;
      shared.liveChanged = function (this: ControlObject, call) {
        calls.push(call.tenant);
        return real.call(this, call);
      };
      return () => {
        shared.liveChanged = real;
      };
    });
    try {
      const page = pageOf(await handshake(bearer(reader.key)));
      await page.heard(1);
      await push('a', 1);
      await page.heard(2);
      expect(calls).toHaveLength(1);
      page.socket.close(1000);
      await page.closed;
      await push('a', 2);
      await new Promise((resolve) => setTimeout(resolve, 1.5 * LIMITS.objectLiveIntervalMs));
      expect(calls).toHaveLength(1);
    } finally {
      restore();
    }
  }),
);
