/** The deliverer: what becomes of a page that arrives, fails, is refused, or waits; and that no channel waits for another. */
import { describe, expect, test } from 'vitest';
import type { DeliveryOutcome } from '../../../src/ports/notifier.ts';
import { settle } from '../../agent/manual-clock.ts';
import { BUSY, DELIVERED, deliveryLab, page, REFUSED } from './lab.ts';

const DAY_MS = 86_400_000;

test('what is added is sent, told and gone', async () => {
  const lab = deliveryLab();
  const deliver = lab.open();
  deliver.start();
  lab.put(page('a', 'i1', 0));
  deliver.added([page('a', 'i1', 0)]);
  await deliver.settled();
  expect(lab.tried).toEqual(['acme:i1:0:a']);
  expect(lab.told).toEqual([['acme:i1:0:a', true, 'ok']]);
  expect(lab.waiting()).toEqual([]);
  expect(lab.count('delivered')).toBe(1);
  expect(deliver.nextMs()).toBeUndefined();
});

test('what lies in the outbox when it starts is sent, more than one read of it', async () => {
  const lab = deliveryLab();
  const pages = Array.from({ length: 450 }, (_, n) => page('a', `i${n}`, 0));
  lab.put(...pages);
  const deliver = lab.open();
  deliver.start();
  await deliver.settled();
  expect(new Set(lab.tried).size).toBe(450);
  expect(lab.tried.length).toBe(450);
});

test('a failure is tried again after 1, 2, 4 … seconds, 5 minutes at most, and its reason is kept', async () => {
  const lab = deliveryLab();
  const times: number[] = [];
  lab.answer = () => {
    times.push(lab.clock.elapsedMs());
    return BUSY;
  };
  lab.put(page('a', 'i1', 0));
  const deliver = lab.open();
  deliver.start();
  await lab.clock.advance(1_000_000);
  const waits = times.slice(1).map((at, n) => (at - (times[n] ?? 0)) / 1_000);
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
  const [document] = lab.store.list({ tenant: 'acme', kind: 'outbox', max: 1 });
  expect(JSON.parse(document?.body ?? '')).toMatchObject({ attempts: 11, reason: 'busy' });
  lab.answer = () => DELIVERED;
  await lab.clock.advance(300_000);
  expect(lab.told).toEqual([['acme:i1:0:a', true, 'ok']]);
});

test('Retry-After is waited for, by all pages of the channel, and no longer than its bound', async () => {
  const lab = deliveryLab();
  let asked = 60_000;
  lab.answer = ({ channel }) =>
    channel === 'a' && asked > 0 ? { ...BUSY, kind: 'retry', reason: '429', retryAfterMs: asked } : DELIVERED;
  lab.put(page('a', 'i1', 0), page('b', 'i1', 0));
  const deliver = lab.open({ channelAttemptsMax: 1 });
  deliver.start();
  await settle();
  expect(lab.told.map(([id]) => id)).toEqual(['acme:i1:0:b']);
  lab.put(page('a', 'i2', 0));
  deliver.added([page('a', 'i2', 0)]);
  asked = 999_999_999;
  await lab.clock.advance(59_999);
  expect(lab.tried).toEqual(['acme:i1:0:a', 'acme:i1:0:b']);
  await lab.clock.advance(1);
  expect(lab.tried.length).toBe(3);
  asked = 0;
  await lab.clock.advance(899_999);
  expect(lab.told.length).toBe(1);
  await lab.clock.advance(1);
  expect(lab.told.length).toBe(3);
});

test('after a day without success it is a dead letter: listed, counted and told once', async () => {
  const lab = deliveryLab();
  lab.answer = () => BUSY;
  lab.put(page('a', 'i1', 0));
  const deliver = lab.open();
  deliver.start();
  await lab.clock.advance(DAY_MS + 300_000);
  expect(lab.waiting()).toEqual([]);
  expect(lab.told).toEqual([['acme:i1:0:a', false, expect.stringMatching(/^given up after \d+ attempts: busy$/)]]);
  expect(lab.tried.length).toBeLessThan(310);
  expect(lab.count('expired')).toBe(1);
  expect(deliver.deadLetters('acme', 10)).toMatchObject([
    { notification: { id: 'acme:i1:0:a' }, reason: expect.stringContaining('busy') },
  ]);
  expect(deliver.deadLetters('other', 10)).toEqual([]);
});

test('a refusal is a dead letter at once, and what follows it is sent', async () => {
  const lab = deliveryLab();
  lab.answer = ({ id }) => (id.includes(':0:') ? REFUSED : DELIVERED);
  lab.put(page('a', 'i1', 0), page('a', 'i1', 1));
  const deliver = lab.open();
  deliver.start();
  await deliver.settled();
  expect(lab.told).toEqual([
    ['acme:i1:0:a', false, 'no'],
    ['acme:i1:1:a', true, 'ok'],
  ]);
  expect(deliver.deadLetters('acme', 10)).toMatchObject([{ attempts: 1, reason: 'no' }]);
});

test('dead letters go after a month', async () => {
  const lab = deliveryLab();
  lab.answer = () => REFUSED;
  lab.put(page('a', 'i1', 0));
  const first = lab.open();
  first.start();
  await first.settled();
  await lab.clock.advance(31 * DAY_MS);
  const later = lab.open();
  later.start();
  expect(later.deadLetters('acme', 10)).toEqual([]);
});

test('a channel that is gone, or switched off, ends its pages', async () => {
  const lab = deliveryLab();
  lab.channels.delete('a');
  const off = lab.channels.get('b');
  if (off !== undefined) lab.channels.set('b', { ...off, enabled: false });
  lab.put(page('a', 'i1', 0), page('b', 'i1', 0));
  const deliver = lab.open();
  deliver.start();
  await deliver.settled();
  expect(lab.told.map(([, ok, detail]) => [ok, detail])).toEqual([
    [false, 'there is no such channel'],
    [false, 'the channel is switched off'],
  ]);
  expect(lab.tried).toEqual([]);
});

test('a resolve never overtakes its trigger, and the tenth page not the second', async () => {
  const lab = deliveryLab();
  let isBroken = true;
  lab.answer = ({ id }) => (isBroken && id === 'acme:i1:0:a' ? BUSY : DELIVERED);
  const pages = Array.from({ length: 12 }, (_, n) => page('a', 'i1', n));
  lab.put(...[...pages].reverse());
  const deliver = lab.open();
  deliver.start();
  await lab.clock.advance(10_000);
  expect(new Set(lab.tried)).toEqual(new Set(['acme:i1:0:a']));
  isBroken = false;
  await lab.clock.advance(10_000);
  expect(lab.told.map(([id]) => id)).toEqual(pages.map(({ id }) => id));
});

describe('channels that hang', () => {
  test('hold neither others nor more than their places', async () => {
    const lab = deliveryLab();
    let hanging = 0;
    lab.answer = ({ channel }) => {
      if (channel !== 'a') return DELIVERED;
      hanging += 1;
      return new Promise<DeliveryOutcome>(() => {});
    };
    lab.put(...Array.from({ length: 50 }, (_, n) => page('a', `i${n}`, 0)));
    const deliver = lab.open({ attemptsMax: 4, channelAttemptsMax: 2, attemptTimeoutMs: 10_000 });
    deliver.start();
    await settle();
    expect(hanging).toBe(2);
    const others = Array.from({ length: 50 }, (_, n) => page('b', `i${n}`, 0));
    lab.put(...others);
    deliver.added(others);
    await settle();
    expect(lab.told.length).toBe(50);
    // Given up, they make room for the next.
    await lab.clock.advance(10_000);
    expect(hanging).toBe(4);
  });

  test('take turns where there are more of them than places', async () => {
    const lab = deliveryLab();
    for (let n = 0; n < 8; n++)
      lab.channels.set(`h${n}`, { ...(lab.channels.get('a') as NonNullable<ReturnType<typeof lab.channels.get>>), id: `h${n}` });
    lab.answer = ({ channel }) => (channel.startsWith('h') ? new Promise<DeliveryOutcome>(() => {}) : DELIVERED);
    for (let n = 0; n < 8; n++) lab.put(...Array.from({ length: 20 }, (_, m) => page(`h${n}`, `i${m}`, 0)));
    const deliver = lab.open({ attemptsMax: 4, channelAttemptsMax: 2, attemptTimeoutMs: 10_000 });
    deliver.start();
    lab.put(page('b', 'i1', 0));
    deliver.added([page('b', 'i1', 0)]);
    await lab.clock.advance(20_000);
    expect(lab.told.map(([id]) => id)).toEqual(['acme:i1:0:b']);
  });
});

test('what throws is a failure: a channel that cannot be opened, a notifier that breaks its word', async () => {
  const lab = deliveryLab();
  let opened = 0;
  lab.answer = () => Promise.reject(new Error('broken'));
  lab.put(page('a', 'i1', 0));
  const deliver = lab.open({
    openChannel: async (_tenant, id) => {
      opened += 1;
      if (opened === 1) throw new Error('no secret');
      return lab.channels.get(id);
    },
  });
  deliver.start();
  await lab.clock.advance(1_000);
  expect(lab.tried.length).toBe(1);
  lab.answer = () => DELIVERED;
  await lab.clock.advance(2_000);
  expect(lab.told.length).toBe(1);
});

test('a damaged row ends as a dead letter and holds nothing up', async () => {
  const lab = deliveryLab();
  lab.store.commit([{ tenant: 'acme', kind: 'outbox', id: 'x', atMs: 0, parent: 'i1', body: '{' }]);
  lab.put(page('a', 'i1', 0));
  const deliver = lab.open();
  deliver.start();
  await deliver.settled();
  expect(lab.waiting()).toEqual([]);
  expect(lab.told.length).toBe(1);
  expect(lab.store.get({ tenant: 'acme', kind: 'outbox_dead', id: 'x' })?.body).toBe('{');
});

test('what cannot be told is told again, and not sent again', async () => {
  const lab = deliveryLab();
  let failures = 2;
  lab.put(page('a', 'i1', 0));
  const deliver = lab.open({
    done: (id, ok, detail) => {
      failures -= 1;
      if (failures >= 0) throw new Error('disk full');
      lab.told.push([id, ok, detail]);
    },
  });
  deliver.start();
  await lab.clock.advance(10_000);
  expect(lab.tried.length).toBe(1);
  expect(lab.told).toEqual([['acme:i1:0:a', true, 'ok']]);
  expect(lab.waiting()).toEqual([]);
});

test('an outbox that is larger than memory is sent in order, too', async () => {
  const lab = deliveryLab();
  const pages = Array.from({ length: 300 }, (_, n) => page(n % 2 === 0 ? 'a' : 'b', `i${n % 7}`, n));
  lab.put(...[...pages].reverse());
  const deliver = lab.open({ outboxKnownMax: 10 });
  deliver.start();
  const added = page('a', 'i0', 1_000);
  lab.put(added);
  deliver.added([added]);
  await deliver.settled();
  expect(lab.told.length).toBe(301);
  const order = new Map<string, number>();
  for (const [id] of lab.told) {
    const [, incident, sequence, channel] = id.split(':');
    const before = order.get(`${incident} ${channel}`) ?? -1;
    expect(Number(sequence)).toBeGreaterThan(before);
    order.set(`${incident} ${channel}`, Number(sequence));
  }
});

test('a clock that is set back by hours does not keep a page for hours', async () => {
  const lab = deliveryLab();
  lab.answer = () => BUSY;
  lab.put(page('a', 'i1', 0));
  const deliver = lab.open();
  deliver.start();
  await lab.clock.advance(100);
  lab.clock.step(-6 * 3_600_000);
  lab.answer = () => DELIVERED;
  await lab.clock.advance(1_000);
  expect(lab.told.length).toBe(1);
});

test('stopped, it begins nothing, and waits for what is under way', async () => {
  const lab = deliveryLab();
  const going = Promise.withResolvers<DeliveryOutcome>();
  lab.answer = () => going.promise;
  lab.put(page('a', 'i1', 0), page('a', 'i1', 1));
  const deliver = lab.open();
  deliver.start();
  await settle();
  let isStopped = false;
  const stopped = deliver.stop().then(() => {
    isStopped = true;
  });
  await settle();
  expect(isStopped).toBe(false);
  going.resolve(DELIVERED);
  await stopped;
  expect(lab.told.length).toBe(1);
  expect(lab.clock.waiting()).toBe(0);
  deliver.start();
  await deliver.settled();
  expect(lab.told.length).toBe(2);
});

describe('a test page', () => {
  test('goes at once, to a channel that is switched off, too, and is told to who asked', async () => {
    const lab = deliveryLab();
    const off = lab.channels.get('a');
    if (off !== undefined) lab.channels.set('a', { ...off, enabled: false });
    const deliver = lab.open();
    expect(await deliver.testChannel('acme', 'a')).toEqual({ delivered: true, detail: 'ok' });
    lab.answer = () => BUSY;
    expect(await deliver.testChannel('acme', 'a')).toEqual({ delivered: false, detail: 'busy' });
    expect(await deliver.testChannel('acme', 'none')).toBeUndefined();
    expect(lab.told).toEqual([]);
    expect(lab.waiting()).toEqual([]);
  });

  test('goes five times an hour, to each channel, restarts or not', async () => {
    const lab = deliveryLab();
    for (let n = 0; n < 5; n++) expect((await lab.open().testChannel('acme', 'a'))?.delivered).toBe(true);
    expect(await lab.open().testChannel('acme', 'a')).toEqual({ delivered: false, detail: 'at most 5 tests an hour' });
    expect((await lab.open().testChannel('acme', 'b'))?.delivered).toBe(true);
    expect((await lab.open().testChannel('other', 'a'))?.delivered).toBe(true);
    await lab.clock.advance(3_600_001);
    expect((await lab.open().testChannel('acme', 'a'))?.delivered).toBe(true);
    expect(lab.tried.length).toBe(8);
  });
});
