/** The live feed: who watches is told what changed, at most twice a second, and only of what they may see. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import type { LiveClient } from '../../src/ports/live-feed.ts';
import { openLab, START_MS } from './lab.ts';

const INTERVAL_MS = LIMITS.liveIntervalMs;

describe('the live feed', () => {
  test('tells the newest values of the clients that changed, once an interval', async () => {
    const lab = await openLab();
    const told: (readonly LiveClient[])[] = [];
    lab.shard.live.subscribe('default', undefined, (changed) => told.push(changed));
    await lab.push([['cpu', START_MS, 1]]);
    await lab.push([
      ['cpu', START_MS + 1, 2],
      ['load1', START_MS + 1, 3],
    ]);
    await lab.push([['cpu', START_MS, 9]], { client: 'web-2' });
    await lab.clock.advance(INTERVAL_MS - 1);
    expect(told).toEqual([]);
    await lab.clock.advance(1);
    expect(told).toEqual([
      [
        { client: 'web-1', sampleMs: START_MS + 1, seenMs: START_MS, keys: ['cpu', 'load1'], values: [2, 3] },
        { client: 'web-2', sampleMs: START_MS, seenMs: START_MS, keys: ['cpu'], values: [9] },
      ],
    ]);
    await lab.clock.advance(10 * INTERVAL_MS);
    expect(told.length).toBe(1);
    await lab.push([['cpu', START_MS + 2, 4]]);
    await lab.clock.advance(INTERVAL_MS);
    expect(told[1]?.map(({ client, values }) => [client, values])).toEqual([['web-1', [4]]]);
  });

  test('tells each watcher of its tenant and client alone, until it leaves', async () => {
    const lab = await openLab();
    const told: string[] = [];
    const watch = (tenant: string, client: string | undefined) =>
      lab.shard.live.subscribe(tenant, client, (changed) =>
        told.push(...changed.map((one) => `${tenant} ${client}: ${one.client}`)),
      );
    watch('default', 'web-2');
    watch('other', undefined);
    const leave = watch('default', undefined);
    const pushAll = async (): Promise<void> => {
      for (const client of ['web-1', 'web-2']) await lab.push([['cpu', START_MS, 1]], { client });
      await lab.push([['cpu', START_MS, 1]], { client: 'web-3', tenant: 'other' });
      await lab.clock.advance(INTERVAL_MS);
    };
    await pushAll();
    const kept = ['default web-2: web-2', 'other undefined: web-3'];
    expect(told).toEqual([...kept, 'default undefined: web-1', 'default undefined: web-2']);
    told.length = 0;
    leave();
    await pushAll();
    expect(told).toEqual(kept);
  });
});
