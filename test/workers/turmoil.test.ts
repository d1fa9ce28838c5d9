/** A shard in workerd under everything that befalls one at random: the seed of a run brings it back. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { durableObjectSqlDatabase } from '../../src/adapters/durable-objects/sql-database.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { OBJECT_PACE } from '../../src/consumers/pace.ts';
import { ShardHost } from '../../src/consumers/shard-host.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/model/window.ts';
import { ByteWriter } from '../../src/protocols/bytes.ts';
import { encodePush, shapeInterner } from '../../src/protocols/log-record.ts';
import { CALL_VERSION } from '../../src/protocols/shard-reply.ts';
import { finish, type Lab, openLab, START_MS } from '../consumers/lab.ts';
import { setOf, windowsOf, withoutRevisions } from '../consumers/sample-set.ts';
import { pushOf, type Sample } from '../consumers/shapes.ts';
import { lender } from './borrowed-storage.ts';

const CLIENTS = ['web-1', 'web-2', 'db-1'];
const DURATION_MS = 5 * HOUR_MS;
const STEPS_PER_LIFE_MAX = 60;

interface Sent {
  readonly client: string;
  readonly sequence: number;
  readonly samples: readonly Sample[];
}

/** What goes on while objects come and go. */
interface World {
  nowMs: number;
  /** The platform's: it outlives the object. */
  alarmMs: number | undefined;
  readonly sent: Sent[];
  /** In the order in which they were made; an agent sends them until they are answered. */
  readonly unanswered: Sent[];
  readonly happened: Record<string, number>;
  readonly random: () => number;
}

function worldOf(seed: number): World {
  let state = seed * 7_919 + 1;
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  return { nowMs: START_MS, alarmMs: undefined, sent: [], unanswered: [], happened: {}, random };
}

function note(world: World, what: string): void {
  world.happened[what] = (world.happened[what] ?? 0) + 1;
}

/** One life of a shard host in the object. */
class Life {
  readonly #world: World;
  readonly #lab: Lab;
  readonly #host: ShardHost;
  readonly #sync: () => Promise<void>;
  readonly #writer = new ByteWriter(4096);

  static async begin(world: World, storage: DurableObjectStorage): Promise<Life> {
    const database = durableObjectSqlDatabase({ storage });
    const lab = await openLab({ startMs: world.nowMs, timed: false, database, pace: OBJECT_PACE });
    return new Life(world, lab, () => storage.sync());
  }

  private constructor(world: World, lab: Lab, sync: () => Promise<void>) {
    this.#world = world;
    this.#lab = lab;
    this.#sync = sync;
    this.#host = new ShardHost({
      shard: lab.shard,
      clock: lab.clock,
      telemetry: memoryTelemetry({ nowMs: lab.clock.nowMs }),
      alarm: {
        get: async () => world.alarmMs ?? null,
        async set(atMs) {
          world.alarmMs = atMs;
        },
      },
      keys: memoryKeyRegistry(),
      shapes: shapeInterner(),
      register: async () => [],
    });
  }

  get lab(): Lab {
    return this.#lab;
  }

  /** Time goes on; an alarm that falls due fires, is lost, or comes twice; cron comes each minute if at all. */
  async wait(ms: number, { cron, alarms }: { readonly cron: boolean; readonly alarms: boolean }): Promise<void> {
    const world = this.#world;
    const { clock } = this.#lab;
    for (const untilMs = clock.nowMs() + ms; clock.nowMs() < untilMs; ) {
      await clock.advance(Math.min(MINUTE_MS, untilMs - clock.nowMs()));
      world.nowMs = clock.nowMs();
      if (world.alarmMs !== undefined && world.alarmMs <= world.nowMs) {
        world.alarmMs = undefined;
        const fate = alarms ? world.random() : 1;
        note(world, fate < 0.6 ? 'alarm' : fate < 0.8 ? 'alarm doubled' : 'alarm lost');
        if (fate < 0.8) await this.#wake(fate < 0.6 ? 1 : 2);
      }
      if (cron) await this.#wake(1);
    }
  }

  async #wake(times: number): Promise<void> {
    await finish(this.#lab.clock, Promise.all(Array.from({ length: times }, () => this.#host.wake())));
  }

  /** Sends what is not answered yet, and repeats. @throws Gone where the object is aborted meanwhile. */
  async send(repeats: readonly Sent[]): Promise<void> {
    const world = this.#world;
    const all = [...world.unanswered, ...repeats];
    const outcomes = all.map((sent) =>
      this.#host.append({
        version: CALL_VERSION,
        record: encodePush(this.#push(sent), this.#writer),
        requestsPerSecond: 1e6,
        keyId: undefined,
        counts: [],
      }),
    );
    for (const outcome of outcomes) outcome.catch(() => undefined);
    // The object goes away before or after the commit, and an answer that waits for the disk is not given.
    if (world.random() < 0.1) await this.#lab.clock.advance(0);
    if (world.random() < 0.1) throw new Gone();
    const answers = await finish(this.#lab.clock, Promise.all(outcomes));
    expect(new Set(answers.map(({ kind }) => kind)).size).toBeLessThanOrEqual(1);
    if (world.random() < 0.05) throw new Gone();
    await this.#sync();
    world.unanswered.length = 0;
  }

  #push({ client, sequence, samples }: Sent) {
    const pushId = { boot: `boot-${client}`, sequence, previous: undefined };
    return pushOf(this.#lab.shapes, samples, { client, pushId, contentHash: sequence, arrivalMs: this.#lab.clock.nowMs() });
  }
}

/** The object is aborted here. */
class Gone extends Error {}

function nextPush(world: World, client: string): Sent {
  const sequence = world.sent.filter((sent) => sent.client === client).length;
  const dice = world.random();
  const agoMs = dice < 0.75 ? 0 : dice < 0.9 ? world.random() * 5 * MINUTE_MS : world.random() * 3 * HOUR_MS;
  const ms = Math.floor(world.nowMs - agoMs);
  const samples = ['cpu', 'load1'].map((name, i): Sample => [name, ms, Math.floor(world.random() * 1_000) / 8 + i]);
  const sent = { client, sequence, samples };
  world.sent.push(sent);
  world.unanswered.push(sent);
  return sent;
}

/** @returns how it ends. */
async function liveOn(world: World, life: Life): Promise<'evict' | 'abort'> {
  const steps = Math.floor(world.random() * STEPS_PER_LIFE_MAX);
  try {
    for (let i = 0; i < steps; i++) {
      for (const client of CLIENTS) if (world.random() < 0.8) nextPush(world, client);
      const old = world.random() < 0.15 ? world.sent[Math.floor(world.random() * world.sent.length)] : undefined;
      if (old !== undefined) note(world, 'repeat');
      await life.send(old === undefined || world.unanswered.includes(old) ? [] : [old]);
      const quiet = world.random() < 0.04;
      if (quiet) note(world, 'quiet');
      await life.wait(quiet ? world.random() * HOUR_MS : 10_000, { cron: world.random() < 0.1, alarms: true });
    }
  } catch (error) {
    if (error instanceof Gone) return 'abort';
    throw error;
  }
  return world.random() < 0.5 ? 'evict' : 'abort';
}

async function turmoil(seed: number): Promise<World> {
  const world = worldOf(seed);
  const id = env.LENDER.newUniqueId();
  while (world.nowMs < START_MS + DURATION_MS) {
    await runInDurableObject(lender(id), async (_, state) => {
      const end = await liveOn(world, await Life.begin(world, state.storage));
      note(world, end);
      if (end === 'abort') state.abort('as a crash does');
    }).catch((error: unknown) => {
      if (!String(error).includes('as a crash does')) throw error;
    });
    await evictDurableObject(lender(id)).catch(() => undefined);
  }
  await runInDurableObject(lender(id), async (_, { storage }) => {
    const life = await Life.begin(world, storage);
    for (let tries = 0; world.unanswered.length > 0 && tries < 100; tries++) {
      await life.send([]).catch((error: unknown) => {
        if (!(error instanceof Gone)) throw error;
      });
    }
    await life.wait(HOUR_MS + 15 * MINUTE_MS, { cron: true, alarms: false });
    await check(world, life.lab);
  });
  return world;
}

/** Every push is counted once, whatever befell the shard. */
async function check(world: World, lab: Lab): Promise<void> {
  for (const client of CLIENTS) {
    const own = world.sent.filter((sent) => sent.client === client);
    const set = setOf(own.flatMap(({ samples }) => samples));
    const { minutes, hours } = windowsOf(set);
    expect(await lab.samples(client)).toEqual(set);
    expect(withoutRevisions(await lab.windows(client, { open: false }))).toEqual(minutes);
    expect(withoutRevisions(await lab.windows(client, { open: true, resolution: '1h' }))).toEqual(hours);
    const status = (await lab.shard.reader.clients('default')).find((one) => one.client === client);
    expect(status?.pushes).toMatchObject({ expected: own.length, received: own.length, conflict: 0 });
  }
  expect(lab.metric('metricstream_consumer_failures_total') ?? 0).toBe(0);
}

describe('a shard in workerd that is evicted and aborted at random, its alarms lost and doubled, and cron its only driver at the end', () => {
  const happened: Record<string, number> = {};
  test.for(Array.from({ length: 8 }, (_, i) => i + 1))('loses and doubles nothing: seed %i', async (seed) => {
    const world = await turmoil(seed);
    for (const [what, times] of Object.entries(world.happened)) happened[what] = (happened[what] ?? 0) + times;
  });

  test('met all of that', () => {
    const expected = ['abort', 'alarm', 'alarm doubled', 'alarm lost', 'evict', 'quiet', 'repeat'];
    expect(Object.keys(happened).sort()).toEqual(expected);
  });
});
