/** The checkpoint: what the consumer knew at its position comes back as it was, and damage is told. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/consumers/checkpoint.ts';
import type { ClientState } from '../../src/consumers/client-state.ts';
import { Pipeline } from '../../src/consumers/pipeline.ts';
import { applySeal, owesSeal, planSeal } from '../../src/consumers/seal.ts';
import { MetricStreamError, REJECT_REASONS } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { clientKey } from '../../src/model/partition.ts';
import type { TimeSeriesStore } from '../../src/ports/time-series-store.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { inOneGo, type PushFields, pushOf, type Sample, shapeOf } from './shapes.ts';

const START_MS = Date.UTC(2026, 0, 5);
const shapes = shapeInterner();
const NOTHING = new Map();
const NONE = () => [];

/** A store without anything in it. */
const emptyStore: TimeSeriesStore = {
  readSamples: async () => [],
  readWindows: async () => [],
  lastSampleMs: async () => undefined,
  clients: async () => [],
  retain: async () => 0,
};

const fields = fc.record(
  {
    client: fc.constantFrom('a', 'b'),
    tenant: fc.constantFrom('default', 'other'),
    sentMs: fc.integer({ min: START_MS - 1e6, max: START_MS + 1e6 }),
    pushId: fc.record({
      boot: fc.constantFrom('x', 'y', 'z', 'v', 'w'),
      sequence: fc.oneof(fc.nat(600), fc.maxSafeNat()),
      previous: fc.option(fc.record({ boot: fc.constantFrom('x', 'y'), count: fc.nat(900) }), { nil: undefined }),
    }),
    contentHash: fc.integer(),
    stamped: fc.boolean(),
    datacenter: fc.constantFrom('dc-1', 'dé'),
    environment: fc.constantFrom('prod', ''),
    rejected: fc.uniqueArray(fc.tuple(fc.constantFrom(...REJECT_REASONS), fc.integer({ min: 1, max: 9 })), {
      selector: ([reason]) => reason,
      maxLength: 3,
    }),
  },
  { requiredKeys: [] },
);
const sample = fc.tuple(
  fc.constantFrom('cpu', 'q'),
  fc.integer({ min: -200_000, max: 60_000 }),
  fc.nat(5),
  fc.constantFrom(0, 1),
);
const pushes = fc.array(fc.tuple(fields, fc.array(sample, { maxLength: 3 }), fc.nat(60_000), fc.nat(20)), {
  maxLength: 40,
  size: 'medium',
});

/** A pipeline that took these pushes, sealing a client now and then. */
async function run(list: readonly (readonly [PushFields, readonly Sample[], number, number])[]): Promise<Pipeline> {
  const telemetry = memoryTelemetry({ nowMs: () => 0 });
  const pipeline = new Pipeline(0, { store: emptyStore, sink: { closed: () => undefined }, telemetry, seen: () => undefined });
  let logMs = START_MS;
  for (const [offset, [own, samples, gapMs, chance]] of list.entries()) {
    logMs += gapMs;
    const at = samples.map(([name, ahead, value, ns]): Sample => [name, logMs + ahead, value, ns]);
    const push = pushOf(shapes, at, own);
    inOneGo(pipeline.advanceLog(logMs));
    const key = clientKey(push.tenant, push.client);
    await pipeline.prepare(key, push, offset);
    pipeline.apply(key, push, offset);
    if (chance > 2) continue;
    for (const client of pipeline.clients.values())
      if (owesSeal(client)) applySeal(await planSeal(client, offset + 1, emptyStore));
  }
  return pipeline;
}

/** What a checkpoint keeps of a client. */
function kept({ head: _head, opened: _opened, saved: _saved, ...client }: ClientState) {
  const { pushes: counts, samples, rejected, boots } = client.ledger;
  return { ...client, ledger: { counts, samples, rejected, boots } };
}

describe('a checkpoint', () => {
  test('brings back all that was known of every client, bit for bit', async () => {
    await fc.assert(
      fc.asyncProperty(pushes, async (list) => {
        const { logMs, clients } = await run(list);
        const bytes = encodeCheckpoint(logMs, clients.values(), NOTHING, NONE);
        const decoded = decodeCheckpoint(bytes);
        expect(decoded.logMs).toBe(logMs);
        expect(decoded.clients.map(kept)).toEqual([...clients.values()].map(kept));
        expect(encodeCheckpoint(decoded.logMs, decoded.clients, NOTHING, NONE)).toEqual(bytes);
      }),
      { numRuns: 200 },
    );
  });

  test('that goes with a seal is what is known once the seal is done', async () => {
    await fc.assert(
      fc.asyncProperty(pushes, async (list) => {
        const { logMs, clients } = await run(list);
        const due = [...clients.values()].filter(owesSeal);
        const plans = await Promise.all(due.map((client) => planSeal(client, list.length, emptyStore)));
        const before = encodeCheckpoint(
          logMs,
          clients.values(),
          new Map(plans.map(({ client, after }) => [client, after])),
          NONE,
        );
        for (const plan of plans) applySeal(plan);
        expect(encodeCheckpoint(logMs, clients.values(), NOTHING, NONE)).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });

  test('can be written and read whatever a push id says', async () => {
    const ids = Array.from({ length: 30 }, (_, i) => ({
      boot: `b${i}`,
      sequence: Number.MAX_SAFE_INTEGER,
      previous: { boot: `b${i - 1}`, count: 1e16 },
    }));
    const { logMs, clients } = await run(ids.map((pushId) => [{ pushId }, [], 0, 9]));
    expect(decodeCheckpoint(encodeCheckpoint(logMs, clients.values(), NOTHING, NONE)).clients.length).toBe(1);
  });

  test('brings back the series that held a place, with the second in which each was seen, whoever shares them', async () => {
    const list = fc.array(fc.tuple(fc.nat(5), fc.nat(4_000_000)), { maxLength: 8 });
    const kinds = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => shapeOf([name, 'x'], shapes).bytes);
    await fc.assert(
      fc.asyncProperty(pushes, fc.array(list, { minLength: 4, maxLength: 4 }), async (steps, drawn) => {
        const { logMs, clients } = await run(steps);
        const states = [...clients.values()];
        const seenOf = (client: ClientState) =>
          (drawn[states.indexOf(client)] ?? []).map(([kind, ago]) => ({
            shape: kinds[kind] ?? new Uint8Array(0),
            seenMs: logMs - ago,
          }));
        const decoded = decodeCheckpoint(encodeCheckpoint(logMs, states, NOTHING, seenOf));
        expect(decoded.clients.map(kept)).toEqual(states.map(kept));
        const expected = states.map((client) =>
          seenOf(client).map(({ shape, seenMs }) => ({ shape, seenMs: logMs - Math.floor((logMs - seenMs) / 1000) * 1000 })),
        );
        expect([...decoded.seen.values()]).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('holds a list of series once, however many clients share it, and no more of them than its bound', async () => {
    const ids = Array.from({ length: 30 }, (_, i): readonly [PushFields, readonly Sample[], number, number] => {
      return [{ client: `c${i}` }, [], 0, 9];
    });
    const { logMs, clients } = await run(ids);
    const bare = encodeCheckpoint(logMs, clients.values(), NOTHING, NONE).length;
    const size = (seenOf: Parameters<typeof encodeCheckpoint>[3]): number =>
      encodeCheckpoint(logMs, clients.values(), NOTHING, seenOf).length - bare;
    const shared = shapeOf(
      Array.from({ length: 50 }, (_, i) => `metric_${i}`),
      shapes,
    ).bytes;
    // Its length, itself, and of each client its place and age.
    expect(size(() => [{ shape: shared, seenMs: logMs - 9_000 }])).toBe(2 + shared.length + 30 * 2);
    const large = (): { shape: Uint8Array; seenMs: number }[] => [{ shape: new Uint8Array(1e6), seenMs: logMs }];
    expect(size(large)).toBeLessThan(LIMITS.checkpointShapeBytesMax + 1_000);
    expect(size(large)).toBeGreaterThan(LIMITS.checkpointShapeBytesMax - 1e6);
    const decoded = decodeCheckpoint(encodeCheckpoint(logMs, clients.values(), NOTHING, large));
    expect([...decoded.seen.values()].filter((seen) => seen.length > 0).length).toBe(8);
  });

  test('names the partitions that it saves beside its own', async () => {
    const { logMs, clients } = await run([]);
    const idle = [
      [0, 7],
      [200, 2 ** 50],
    ] as const;
    expect(decodeCheckpoint(encodeCheckpoint(logMs, clients.values(), NOTHING, NONE, idle)).idle).toEqual(idle);
  });

  test('that is damaged is told as corrupt_data, or as newer, and nothing else', async () => {
    const states = await Promise.all(fc.sample(pushes, { numRuns: 20, seed: 5 }).map(run));
    const seen = (logMs: number) => () => [{ shape: shapeOf(['cpu', 'q'], shapes).bytes, seenMs: logMs - 9_000 }];
    const whole = states.map(({ logMs, clients }) => encodeCheckpoint(logMs, clients.values(), NOTHING, seen(logMs)));
    const refused = (bytes: Uint8Array): boolean => {
      try {
        decodeCheckpoint(bytes);
        return false;
      } catch (error) {
        if (error instanceof MetricStreamError && ['corrupt_data', 'schema_newer'].includes(error.code)) return true;
        throw error;
      }
    };
    for (const bytes of whole) {
      for (let length = 0; length < bytes.length; length++) {
        if (!refused(bytes.subarray(0, length))) expect.fail(`${length} of ${bytes.length} bytes were read`);
      }
      expect(refused(Uint8Array.of(...bytes, 0))).toBe(true);
    }
    const place = fc.tuple(fc.nat(whole.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(place, ([which, at, bits]) => {
        const bytes = whole[which]?.slice() ?? new Uint8Array(1);
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ bits;
        refused(bytes);
      }),
      { numRuns: 3_000 },
    );
  });
});
