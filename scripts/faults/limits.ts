/** Faults of the Redis in which edges count together what clients do: each edge keeps its own limit then, and nobody is refused or let pass for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisSite } from './redis-site.ts';
import { ALL_ROLES, type Fault, type Scene } from './run.ts';

const TWO_EDGES: Fault['layout'] = [ALL_ROLES, ['edge']];
/** A client of its own pushes as fast as it is answered, through both edges. */
const REQUESTS_PER_SECOND = 20;
const LANES_PER_EDGE = 2;
const HEALTHY_MS = 5_000;
const DOWN_MS = 15_000;
const DOWN_QUICK_MS = 8_000;
const FLUSH_EVERY_MS = 100;
const REQUEST_TIMEOUT_MS = 15_000;
const PAUSE_MS = 5;
const DEGRADED = 'metricstream_limiter_degraded_total';

/** What a flood was answered while something went on. */
interface Answers {
  passed: number;
  limited: number;
  /** Neither 202 nor 429, by what it was. */
  readonly others: Map<string, number>;
  slowestMs: number;
}

/** Answers are counted for whoever asked for them last. */
class Flood {
  #answers: Answers = nothing();
  #isOver = false;
  readonly #running: Promise<unknown>;

  constructor(urls: readonly string[], key: string) {
    const lanes = urls.flatMap((url) => Array.from({ length: LANES_PER_EDGE }, () => url));
    this.#running = Promise.all(lanes.map((url, lane) => this.#run(url, key, lane)));
  }

  /** @returns what it was answered while `body` ran, and how long that was. */
  async during(body: () => Promise<void>): Promise<Answers & { readonly seconds: number }> {
    const answers = nothing();
    this.#answers = answers;
    const fromMs = performance.now();
    await body();
    return { ...answers, seconds: (performance.now() - fromMs) / 1_000 };
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(url: string, key: string, lane: number): Promise<void> {
    for (let sequence = 0; !this.#isOver; sequence++) {
      const fromMs = performance.now();
      const answer = await fetch(`${url}/metrics`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          'idempotency-key': `flood-${lane}:${sequence}`,
        },
        body: JSON.stringify({ client_id: 'flood', metrics: [{ name: 'flood', value: sequence }] }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      }).then(
        async (response) => {
          await response.arrayBuffer();
          return String(response.status);
        },
        () => 'no answer',
      );
      const answers = this.#answers;
      if (answer === '202') answers.passed += 1;
      else if (answer === '429') answers.limited += 1;
      else answers.others.set(answer, (answers.others.get(answer) ?? 0) + 1);
      answers.slowestMs = Math.max(answers.slowestMs, performance.now() - fromMs);
      await sleep(PAUSE_MS);
    }
  }
}

function nothing(): Answers {
  return { passed: 0, limited: 0, others: new Map(), slowestMs: 0 };
}

async function degraded({ servers }: Scene): Promise<number> {
  const counts = await Promise.all(servers.map((server) => server.metric(DEGRADED)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Floods while all is well, during the fault, and after it. @param expectsDegraded whether the edges have to do without Redis. */
async function flooded(scene: Scene, body: (redis: RedisSite) => Promise<void>, expectsDegraded: boolean): Promise<void> {
  const { servers, redis, installation, note, wrong } = scene;
  if (redis === undefined) throw new Error('There is no Redis.');
  const key = await installation.limitedKey(REQUESTS_PER_SECOND);
  const flood = new Flood(
    servers.map(({ url }) => url),
    key,
  );
  // The first second of a client nobody counts: it is far from its limit.
  await sleep(HEALTHY_MS);
  const before = await flood.during(() => sleep(HEALTHY_MS));
  const from = await degraded(scene);
  const meanwhile = await flood.during(() => body(redis));
  const counted = (await degraded(scene)) - from;
  await sleep(HEALTHY_MS);
  const after = await flood.during(() => sleep(HEALTHY_MS));
  await flood.stop();
  const rates = [before, meanwhile, after].map(({ passed, seconds }) => (passed / seconds).toFixed(1));
  const most = REQUESTS_PER_SECOND * servers.length;
  note(
    `a client of ${REQUESTS_PER_SECOND} pushes/s floods two edges: ${rates.join(', ')} pushes/s passed before, meanwhile and after; ` +
      `${counted} counted as degraded; slowest answer ${(meanwhile.slowestMs / 1_000).toFixed(1)} s`,
  );
  for (const { passed, seconds, others } of [before, meanwhile, after]) {
    if (passed === 0) wrong('the flood was refused altogether');
    if (passed > most * (seconds + 1)) wrong(`${passed} pushes passed in ${seconds.toFixed(1)} s, more than ${most} a second`);
    for (const [what, count] of others) wrong(`the flood was answered ${count} × ${what}`);
  }
  if (expectsDegraded && counted === 0) wrong('nothing was counted as degraded');
}

export const LIMIT_FAULTS: readonly Fault[] = [
  {
    name: 'redis-sigkill',
    title: 'the Redis of the limit that edges share is killed, and down for a while',
    layout: TWO_EDGES,
    sharesLimits: true,
    async inject(scene) {
      const kill = async (redis: RedisSite): Promise<void> => {
        await redis.kill('SIGKILL');
        await sleep(scene.isQuick ? DOWN_QUICK_MS : DOWN_MS);
        await redis.start();
      };
      await flooded(scene, kill, true);
    },
  },
  {
    name: 'redis-sigstop',
    title: 'the Redis of the limit that edges share stands still for a while (SIGSTOP)',
    layout: TWO_EDGES,
    sharesLimits: true,
    async inject(scene) {
      const stop = async (redis: RedisSite): Promise<void> => {
        await redis.kill('SIGSTOP');
        await sleep(scene.isQuick ? DOWN_QUICK_MS : DOWN_MS);
        await redis.kill('SIGCONT');
      };
      await flooded(scene, stop, true);
    },
  },
  {
    name: 'redis-script-flush',
    title: 'Redis forgets its scripts ten times a second (SCRIPT FLUSH), while edges count by scripts',
    layout: TWO_EDGES,
    sharesLimits: true,
    async inject(scene) {
      let flushes = 0;
      const forget = async (redis: RedisSite): Promise<void> => {
        const untilMs = performance.now() + (scene.isQuick ? DOWN_QUICK_MS : DOWN_MS);
        while (performance.now() < untilMs) {
          const answer = await redis.command('SCRIPT FLUSH');
          if (!answer.startsWith('+OK')) scene.wrong(`SCRIPT FLUSH was answered ${answer.trim()}`);
          flushes += 1;
          await sleep(FLUSH_EVERY_MS);
        }
      };
      await flooded(scene, forget, false);
      scene.note(`${flushes} times forgotten`);
    },
  },
];
