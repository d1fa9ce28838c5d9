/** Control and the pages that listen to it: who is told what, who is let go, and what shards are told of it. */
import { describe, expect, test } from 'vitest';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { LiveControl, type LiveSocket, tagsOf } from '../../src/consumers/live-control.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { LiveClient, LiveListener } from '../../src/ports/live-feed.ts';
import type { WatchCall } from '../../src/ports/shard-service.ts';
import { LIVE_BEGINS } from '../../src/protocols/live-message.ts';
import { CALL_VERSION } from '../../src/protocols/shard-reply.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { START_MS } from './lab.ts';

const listener = (tenant: string, fields: Partial<LiveListener> = {}): LiveListener => ({
  tenant,
  keyId: `${tenant}.key`,
  ...fields,
});

function values(client: string, ...given: number[]): LiveClient {
  const keys = given.map((_, i) => (i === 0 ? 'cpu' : `disk\0device\0sd${i}`));
  return { client, sampleMs: START_MS - 500, seenMs: START_MS, keys, values: given };
}

interface FakeSocket extends LiveSocket {
  answeredMs: number | undefined;
  readonly sent: string[];
  ended: string | undefined;
}

function fakeSocket(who: LiveListener, openedMs: number): FakeSocket {
  const socket: FakeSocket = {
    key: {},
    listener: who,
    openedMs,
    answeredMs: undefined,
    sent: [],
    ended: undefined,
    send: (message) => socket.sent.push(message),
    close(code, reason) {
      socket.ended = `${code} ${reason}`;
    },
  };
  return socket;
}

function openControl(shards: readonly string[] = ['shard-0', 'shard-1']) {
  const clock = manualClock(START_MS);
  const keys = memoryKeyRegistry();
  const sockets: FakeSocket[] = [];
  const calls: string[] = [];
  const alarm = { atMs: null as number | null };
  const faults = { shard: undefined as string | undefined, slow: Promise.resolve(), storage: false };
  const logged: string[] = [];
  const life = () =>
    new LiveControl({
      clock,
      keys,
      telemetry: memoryTelemetry({ nowMs: clock.nowMs, write: (line) => logged.push(line) }),
      alarm: {
        get: async () => alarm.atMs,
        set: async (atMs) => {
          alarm.atMs = atMs;
        },
      },
      sockets: (tag) =>
        sockets.filter((one) => one.ended === undefined && (tag === undefined || tagsOf(one.listener).includes(tag))),
      shards() {
        if (faults.storage) throw new Error('disk I/O error');
        return shards;
      },
      shard: (name) => ({
        async watch({ watched, forMs }: WatchCall) {
          if (name === faults.shard) throw new Error('gone');
          await faults.slow;
          calls.push(`${name} ${forMs}: ${watched.map(({ tenant, client }) => `${tenant}/${client ?? '*'}`)}`);
          return { version: CALL_VERSION, ok: true, value: null };
        },
      }),
    });
  let control = life();
  return {
    clock,
    keys,
    alarm,
    faults,
    logged,
    control: () => control,
    /** As a hibernation does: only the sockets, the alarm and what is stored remain. */
    sleep() {
      control = life();
    },
    told: () => calls.splice(0),
    async open(who: LiveListener): Promise<FakeSocket> {
      const socket = fakeSocket(who, clock.nowMs());
      await control.open(who, () => {
        sockets.push(socket);
        return socket;
      });
      return socket;
    },
    async leave(socket: FakeSocket): Promise<void> {
      socket.ended = 'left';
      await control.closed(socket.key);
    },
    async fire(): Promise<void> {
      await clock.advance((alarm.atMs ?? expect.fail('no alarm')) - clock.nowMs());
      alarm.atMs = null;
      await control.wake();
    },
  };
}

const WATCH_MS = LIMITS.objectLiveWatchMs;

describe('shards', () => {
  test('are told who watches before a feed begins, again while somebody does, and once when the last has left', async () => {
    const { open, leave, told, fire, alarm, sleep } = openControl();
    const a = await open(listener('acme'));
    expect(a.sent).toEqual([LIVE_BEGINS]);
    expect(told()).toEqual([`shard-0 ${WATCH_MS}: acme/*`, `shard-1 ${WATCH_MS}: acme/*`]);
    const b = await open(listener('acme', { client: 'web-1' }));
    expect(told()).toEqual([`shard-0 ${WATCH_MS}: acme/*,acme/web-1`, `shard-1 ${WATCH_MS}: acme/*,acme/web-1`]);
    await open(listener('acme')).then(leave);
    expect(told()).toEqual([]);
    for (let i = 0; i < 3; i++) {
      for (const page of [a, b]) page.answeredMs = alarm.atMs ?? 0;
      if (i === 1) sleep();
      await fire();
      expect(told()).toHaveLength(2);
    }
    await leave(b);
    expect(told()).toEqual([]);
    await leave(a);
    expect(told()).toEqual(['shard-0 0: ', 'shard-1 0: ']);
    await fire();
    expect(told()).toEqual([]);
    expect(alarm.atMs).toBe(null);
  });

  test('that start while somebody watches are told, and those that could not be told are told by the alarm', async () => {
    const { open, control, told, fire, faults, logged } = openControl();
    await control().started('shard-9');
    expect(told()).toEqual([]);
    faults.shard = 'shard-1';
    const page = await open(listener('acme'));
    expect(page.sent).toEqual([LIVE_BEGINS]);
    expect(told()).toEqual([`shard-0 ${WATCH_MS}: acme/*`]);
    expect(logged.join()).toContain('who watches');
    await control().started('shard-9');
    expect(told()).toEqual([`shard-9 ${WATCH_MS}: acme/*`]);
    faults.shard = undefined;
    await fire();
    expect(told()).toHaveLength(2);
  });

  test('are told again after a failure of the storage: a page that came then is not let in, the next one is', async () => {
    const { open, told, faults } = openControl();
    faults.storage = true;
    await expect(open(listener('acme'))).rejects.toThrow('disk I/O error');
    faults.storage = false;
    expect((await open(listener('acme'))).sent).toEqual([LIVE_BEGINS]);
    expect(told()).toHaveLength(2);
  });
});

describe('a page', () => {
  test('hears of its tenant, its client and its metrics, and nothing where nothing of it changed', async () => {
    const { open, control } = openControl();
    const pages = await Promise.all(
      [
        listener('acme'),
        listener('acme', { client: 'b' }),
        listener('acme', { metrics: ['disk'] }),
        listener('acme', { metrics: [] }),
        listener('beta'),
        listener('acme', { client: 'c' }),
      ].map(open),
    );
    expect(control().changed({ tenant: 'acme', clients: [values('a', -0, 2.5), values('b', 3)] })).toBe(5);
    const times = `"sample_ms":${START_MS - 500},"seen_ms":${START_MS}`;
    const a = `{"client_id":"a",${times},"keys":["cpu","disk{device=sd1}"],"values":[-0,2.5]}`;
    const b = `{"client_id":"b",${times},"keys":["cpu"],"values":[3]}`;
    const [aDisk, aNone, bNone] = [
      `{"client_id":"a",${times},"keys":["disk{device=sd1}"],"values":[2.5]}`,
      `{"client_id":"a",${times},"keys":[],"values":[]}`,
      `{"client_id":"b",${times},"keys":[],"values":[]}`,
    ];
    expect(pages.map(({ sent }) => sent.slice(1))).toEqual([
      [`{"clients":[${a},${b}]}`],
      [`{"clients":[${b}]}`],
      [`{"clients":[${aDisk},${bNone}]}`],
      [`{"clients":[${aNone},${bNone}]}`],
      [],
      [],
    ]);
    expect(control().changed({ tenant: 'nobody', clients: [values('a', 1)] })).toBe(0);
  });

  test('that waits for the shards counts as one that listens, and is told nothing before its feed begins', async () => {
    const { open, control, faults } = openControl();
    let answer = (): void => undefined;
    faults.slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const opening = open(listener('acme'));
    expect(control().changed({ tenant: 'acme', clients: [values('a', 1)] })).toBe(1);
    answer();
    expect((await opening).sent).toEqual([LIVE_BEGINS]);
  });

  test('that an edge of another version let in is taken with what is known of it', async () => {
    const { open, control } = openControl();
    const page = await open(JSON.parse('{"tenant":"acme","keyId":"acme.key","theme":"dark"}') as LiveListener);
    const call = { version: CALL_VERSION + 1, tenant: 'acme', clients: [values('a', 1)], urgent: true };
    expect(control().changed(call)).toBe(1);
    expect(page.sent).toHaveLength(2);
  });

  test('is let go when its key or its session is revoked, and no other is', async () => {
    const { open, control } = openControl();
    const session = (id: string) => listener('acme', { sessionId: `acme.${id}` });
    const pages = [await open(session('one')), await open(session('two')), await open(listener('acme', { keyId: 'acme.other' }))];
    control().revoked('acme.one');
    expect(pages.map(({ ended }) => ended)).toEqual(['1008 revoked', undefined, undefined]);
    control().revoked('acme.key');
    expect(pages.map(({ ended }) => ended)).toEqual(['1008 revoked', '1008 revoked', undefined]);
  });

  test('is told no value after its key has expired or was revoked, and the alarm closes what is not told', async () => {
    const { open, control, clock, keys, fire, alarm } = openControl();
    const expires = await open(listener('acme', { expiresMs: START_MS + 1_000 }));
    const revoked = await open(listener('acme', { keyId: 'acme.gone' }));
    const quiet = await open(listener('beta', { expiresMs: START_MS + 1_000 }));
    await clock.advance(1_000);
    await keys.revoke('acme', 'acme.gone', clock.nowMs());
    expect(control().changed({ tenant: 'acme', clients: [values('a', 1)] })).toBe(0);
    for (const page of [expires, revoked]) expect([page.sent, page.ended?.slice(0, 4)]).toEqual([[LIVE_BEGINS], '1008']);
    expect(quiet.ended).toBe(undefined);
    await fire();
    expect(quiet.ended).toContain('1008');
    expect(alarm.atMs).toBe(null);
  });

  test('with a key that is revoked or has expired is not let in', async () => {
    const { open, keys } = openControl();
    await keys.revoke('acme', 'acme.key', START_MS);
    await expect(open(listener('acme'))).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(open(listener('beta', { expiresMs: START_MS }))).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('that is one too many is told to come back', async () => {
    const { open, leave } = openControl();
    const pages = await Promise.all(Array.from({ length: LIMITS.liveClientsMax }, () => open(listener('acme'))));
    await expect(open(listener('acme'))).rejects.toMatchObject({ code: 'overloaded', retryAfterMs: LIMITS.liveHeartbeatMs });
    if (pages[0] !== undefined) await leave(pages[0]);
    await open(listener('acme'));
  });

  test('that gives no sign of life is let go, one that does is kept', async () => {
    const { open, fire, clock } = openControl();
    const [dead, lives] = [await open(listener('acme')), await open(listener('acme'))];
    for (let i = 0; i < 3; i++) {
      lives.answeredMs = clock.nowMs();
      await fire();
    }
    expect([dead.ended, lives.ended]).toEqual(['1008 no sign of life', undefined]);
  });

  test('that does not answer is sent no more than the bound; one that does is sent everything', async () => {
    const { open, control, clock } = openControl();
    const [slow, quick] = [await open(listener('acme')), await open(listener('acme'))];
    const keys = Array.from({ length: 2_000 }, (_, i) => `metric_with_a_rather_long_name_${i}`);
    const large = { ...values('a'), keys, values: keys.map(() => 0.1) };
    for (let i = 0; i < 20; i++) {
      control().changed({ tenant: 'acme', clients: [large] });
      await clock.advance(LIMITS.objectLiveIntervalMs);
      quick.answeredMs = clock.nowMs();
    }
    expect([slow.ended, quick.ended]).toEqual(['1013 too far behind', undefined]);
    expect(quick.sent).toHaveLength(21);
    const bytes = slow.sent.join('').length;
    expect(bytes).toBeLessThanOrEqual(LIMITS.liveQueueBytesMax);
    expect(bytes).toBeGreaterThan(LIMITS.liveQueueBytesMax / 2);
  });
});
