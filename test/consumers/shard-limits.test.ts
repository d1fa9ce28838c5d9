/** What a shard refuses, and what a restart may not change about it. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import type { Push } from '../../src/model/push.ts';
import { finish, type Lab, openLab, START_MS } from './lab.ts';
import { type PushFields, pushOf, type Sample } from './shapes.ts';

const MINUTE_MS = 60_000;
const CPU: readonly Sample[] = [['cpu', START_MS, 1]];
const names = (count: number, prefix = 'm'): Sample[] => Array.from({ length: count }, (_, i) => [`${prefix}${i}`, START_MS, i]);

/** Appends at a limit, without waiting for the commit. */
function ask(lab: Lab, requestsPerSecond: number, fields: PushFields = {}) {
  const push: Push = pushOf(lab.shapes, CPU, { arrivalMs: lab.clock.nowMs(), ...fields });
  return lab.shard.append(push, requestsPerSecond);
}

async function kinds(lab: Lab, count: number, requestsPerSecond: number, fields: PushFields = {}): Promise<string> {
  const outcomes = Promise.all(Array.from({ length: count }, () => ask(lab, requestsPerSecond, fields)));
  return (await finish(lab.clock, outcomes)).map(({ kind }) => kind.charAt(0)).join('');
}

describe('the limit of a client', () => {
  test('is exact, and says when there is room', async () => {
    const lab = await openLab();
    expect(await kinds(lab, 5, 3)).toBe('aaall');
    await lab.clock.advance(400);
    expect(await finish(lab.clock, ask(lab, 3))).toEqual({ kind: 'limited', retryAfterMs: 600 });
    expect(await kinds(lab, 2, 3, { client: 'other' })).toBe('aa');
    await lab.clock.advance(600);
    expect(await kinds(lab, 4, 3)).toBe('aaal');
  });

  test.each(['restart', 'crash'] as const)('has no gap over a %s', async (how) => {
    const lab = await openLab();
    // A body may take long to come: what counts is when it was admitted.
    expect(await kinds(lab, 3, 3, { arrivalMs: START_MS - 20_000 })).toBe('aaa');
    await lab.clock.advance(300);
    await lab[how]();
    expect(await kinds(lab, 1, 3)).toBe('l');
    await lab.clock.advance(699);
    expect(await kinds(lab, 1, 3)).toBe('l');
    await lab.clock.advance(1);
    expect(await kinds(lab, 4, 3)).toBe('aaal');
  });

  test('holds no one up for longer than a second when the clock was set back over a restart', async () => {
    const lab = await openLab();
    expect(await kinds(lab, 3, 3)).toBe('aaa');
    lab.clock.step(-3_600_000);
    await lab.restart();
    expect(await kinds(lab, 1, 3)).toBe('l');
    await lab.clock.advance(1_000);
    expect(await kinds(lab, 4, 3)).toBe('aaal');
  });
});

test.each(['restart', 'crash'] as const)('the limit of a tenant has no gap over a %s', async (how) => {
  const lab = await openLab({ tenantRequestsPerSecond: 4 });
  expect(await kinds(lab, 3, 100, { client: 'a' })).toBe('aaa');
  await lab.clock.advance(300);
  await lab[how]();
  expect(await kinds(lab, 3, 100, { client: 'b' })).toBe('all');
  expect(await kinds(lab, 1, 100, { client: 'b', tenant: 'other' })).toBe('a');
  await lab.clock.advance(1_010);
  expect(await kinds(lab, 5, 100, { client: 'b' })).toBe('aaaal');
});

test('the limit of a tenant is shared by its clients', async () => {
  const lab = await openLab({ tenantRequestsPerSecond: 4 });
  expect(await kinds(lab, 3, 100, { client: 'a' })).toBe('aaa');
  expect(await kinds(lab, 3, 100, { client: 'b' })).toBe('all');
  expect(await kinds(lab, 3, 100, { client: 'b', tenant: 'other' })).toBe('aaa');
});

describe('the limit of series', () => {
  const cardinality = { seriesPerClientMax: 5, clientsPerTenantMax: 2, seriesPerTenantMax: 8 };

  test('costs only the series beyond it, which are named by their place and counted', async () => {
    const lab = await openLab({ cardinality });
    const outcome = await lab.push(names(7));
    expect(outcome).toMatchObject({
      kind: 'appended',
      rejected: [
        { index: 5, code: 'series_limit' },
        { index: 6, code: 'series_limit' },
      ],
    });
    expect((await lab.samples()).map(([key]) => key)).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
    const [status] = await lab.shard.reader.clients('default');
    expect(status?.samples).toMatchObject({ stored: 5, rejected: { series_limit: 2 } });
  });

  test('holds for the client as long as it pushes, and over a crash', async () => {
    const lab = await openLab({ cardinality });
    for (let minute = 0; minute < 5; minute++) {
      await lab.push(names(7));
      expect(await lab.push(names(2, 'other'))).toMatchObject({ rejected: [{ index: 0 }, { index: 1 }] });
      await lab.clock.advance(60_000);
      if (minute === 2) await lab.crash();
    }
  });

  test.each(['restart', 'crash'] as const)(
    'holds over a %s though none of it is read from the log again, and places are given back after it',
    async (how) => {
      const lab = await openLab({ cardinality });
      await lab.push(names(5), { client: 'a' });
      await lab.push(names(2), { client: 'b' });
      await lab.push(names(2, 'other'), { client: 'b' });
      // All is sealed and saved: the next life reads none of it from the log.
      await lab.clock.advance(15 * MINUTE_MS);
      await lab[how]();
      const ask = async () => [
        await lab.push(names(2, 'another'), { client: 'a' }),
        await lab.push(names(1, 'another'), { client: 'b' }),
      ];
      const refused = [{ rejected: [{ index: 0 }, { index: 1 }] }, { rejected: [{ index: 0 }] }];
      expect(await ask()).toMatchObject(refused);
      expect(await lab.push(names(5), { client: 'a' })).toMatchObject({ rejected: [] });
      await lab.clock.advance(15 * MINUTE_MS);
      await lab.restart();
      expect(await ask()).toMatchObject(refused);
      lab.clock.step(LIMITS.seriesIdleMs);
      await lab.clock.advance(2 * LIMITS.sweepIntervalMs);
      expect(await lab.push(names(5, 'another'), { client: 'a' })).toMatchObject({ rejected: [] });
    },
  );

  test('is not reached by a client that sends its series in ever new orders, over restarts too', async () => {
    const lab = await openLab({ cardinality });
    const orders = Array.from({ length: LIMITS.checkpointShapesPerClient + 4 }, (_, i) => {
      const five = names(5);
      return [...five.slice(i % 5), ...five.slice(0, i % 5), ...five.slice(0, Math.floor(i / 5))];
    });
    for (const order of orders) expect(await lab.push(order)).toMatchObject({ rejected: [] });
    await lab.clock.advance(15 * MINUTE_MS);
    await lab.restart();
    expect(await lab.push(names(1, 'other'))).toMatchObject({ rejected: [{ index: 0 }] });
    for (const order of orders) expect(await lab.push(order)).toMatchObject({ rejected: [] });
    expect(await lab.push(names(3, 'other'), { client: 'b' })).toMatchObject({ rejected: [] });
  });

  test('of the tenant holds for all its clients together', async () => {
    const lab = await openLab({ cardinality });
    await lab.push(names(5), { client: 'a' });
    expect(await lab.push(names(5), { client: 'b' })).toMatchObject({ rejected: [{ index: 3 }, { index: 4 }] });
    expect(await lab.push(names(5), { client: 'b', tenant: 'other' })).toMatchObject({ rejected: [] });
  });

  test('of clients lets no further one in: nothing is logged or kept of it, whatever it pushes, and a restart changes nothing', async () => {
    const lab = await openLab({ cardinality });
    await lab.push(names(1), { client: 'a' });
    await lab.push(names(1), { client: 'b' });
    const end = lab.log.end();
    const pushId = { boot: 'b', sequence: 0, previous: undefined };
    for (const how of ['restart', 'crash'] as const) {
      expect(await lab.push(names(1), { client: 'c', pushId })).toEqual({ kind: 'crowded' });
      expect(await lab.push([], { client: 'd', pushId })).toEqual({ kind: 'crowded' });
      expect(lab.log.end()).toBe(end);
      expect((await lab.shard.reader.clients('default')).map(({ client }) => client)).toEqual(['a', 'b']);
      await lab[how]();
    }
  });

  test('is given back by a client that rests for an hour', async () => {
    const lab = await openLab({ cardinality });
    await lab.push(names(5));
    lab.clock.step(LIMITS.seriesIdleMs);
    await lab.clock.advance(2_000);
    expect(await lab.push(names(5, 'other'))).toMatchObject({ rejected: [] });
  });
});

describe('a push', () => {
  test('is refused as storage_full while the disk is nearly full, reads go on, and it ends by itself', async () => {
    const lab = await openLab();
    await lab.push(CPU);
    lab.disk = { freeBytes: LIMITS.freeBytesMin - 1, totalBytes: 1e10 };
    await lab.clock.advance(LIMITS.freeCheckIntervalMs + 1_000);
    expect(await lab.push(CPU)).toMatchObject({ kind: 'refused', code: 'storage_full' });
    expect(lab.shard.ready()).toEqual({ ready: false, reason: 'storage_full' });
    expect((await lab.samples()).length).toBe(1);
    lab.disk = { freeBytes: 1e12 * LIMITS.freeRatioMin - 1, totalBytes: 1e12 };
    await lab.clock.advance(LIMITS.freeCheckIntervalMs + 1_000);
    expect(await lab.push(CPU)).toMatchObject({ code: 'storage_full' });
    lab.disk = { freeBytes: 1e12, totalBytes: 2e12 };
    await lab.clock.advance(LIMITS.freeCheckIntervalMs + 1_000);
    expect(await lab.push(CPU)).toMatchObject({ kind: 'appended' });
  });

  test('is refused as shutting_down once the shard stops, and what was waiting is kept', async () => {
    const lab = await openLab();
    const waiting = ask(lab, 100);
    const stopping = lab.shard.stop();
    expect(await ask(lab, 100)).toMatchObject({ kind: 'refused', code: 'shutting_down' });
    expect(await waiting).toMatchObject({ kind: 'appended', offset: 0 });
    await finish(lab.clock, stopping);
    await lab.restart();
    expect((await lab.samples()).length).toBe(1);
  });

  test('is refused as overloaded when too much waits for a commit, and heads have outgrown their bound', async () => {
    const lab = await openLab({ headBytesMax: 1_000 });
    for (let i = 0; i < 20; i++) await lab.push([['cpu', START_MS + i, 1]]);
    await lab.clock.advance(20_000);
    expect(await lab.push(CPU)).toMatchObject({ kind: 'refused', code: 'overloaded' });
    expect((await lab.samples()).length).toBe(20);
  });

  test('is refused when its record would not fit in the log, and costs no other push', async () => {
    const lab = await openLab();
    const large = Array.from({ length: 1_000 }, (_, i): Sample => [`${'x'.repeat(1_000)}${i}`, START_MS, i]);
    const [one, other] = await finish(
      lab.clock,
      Promise.allSettled([lab.shard.append(pushOf(lab.shapes, large), 100), ask(lab, 100)]),
    );
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'body_too_large' } });
    expect(other).toMatchObject({ status: 'fulfilled', value: { kind: 'appended' } });
  });

  test('that repeats one in flight is a duplicate, and both answers wait for their commit', async () => {
    const lab = await openLab();
    const pushId = { boot: 'b', sequence: 0, previous: undefined };
    const both = Promise.all([ask(lab, 100, { pushId }), ask(lab, 100, { pushId })]);
    expect(lab.log.end()).toBe(0);
    expect(await finish(lab.clock, both)).toMatchObject([{ duplicate: false }, { duplicate: true }]);
    expect((await lab.shard.reader.clients('default'))[0]?.pushes).toMatchObject({ received: 1, duplicate: 1 });
  });
});

test('the stamps of the log never fall, though the clock is set back over a restart', async () => {
  const lab = await openLab();
  await lab.push(CPU);
  lab.clock.step(-3_600_000);
  await lab.restart();
  await lab.push(CPU);
  expect(lab.log.read(0, 1e6).map(({ appendMs }) => appendMs)).toEqual([START_MS, START_MS]);
});
