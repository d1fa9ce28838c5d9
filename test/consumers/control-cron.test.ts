/** Cron wakes every shard, and never calls more of them in one run than a request may. */
import { describe, expect, test } from 'vitest';
import { memoryEnrichmentRegistry } from '../../src/adapters/memory/enrichment-registry.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { Control } from '../../src/consumers/control.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { MINUTE_MS } from '../../src/model/window.ts';
import type { ShardKeeper } from '../../src/ports/shard-service.ts';
import { manualClock } from '../agent/manual-clock.ts';

describe('cron', () => {
  test.each([
    [0, 1],
    [1, 1],
    [LIMITS.cronShardsMax, 1],
    [LIMITS.cronShardsMax + 1, 2],
    [100, 3],
  ])('wakes %i shards within %i runs, each once', async (count, runs) => {
    const clock = manualClock();
    const names = Array.from({ length: count }, (_, place) => `shard-${place}`);
    let woken: string[] = [];
    const shard = (name: string) => ({
      wake: async () => {
        woken.push(name);
        return { version: 1, ok: true, value: null };
      },
    });
    const control = new Control({
      clock,
      keys: memoryKeyRegistry(),
      enrichments: memoryEnrichmentRegistry(),
      registry: { add: () => undefined, names: () => names },
      live: { revoked: () => undefined, started: async () => undefined },
      telemetry: memoryTelemetry({ nowMs: clock.nowMs }),
      shard: (name) => shard(name) as unknown as ShardKeeper,
    });
    const all: string[] = [];
    for (let run = 0; run < runs; run++) {
      woken = [];
      await control.wakeAll();
      expect(woken.length).toBeLessThanOrEqual(LIMITS.cronShardsMax);
      all.push(...woken);
      await clock.advance(MINUTE_MS);
    }
    expect(all.sort()).toEqual([...names].sort());
  });
});
