/** SIGKILLs under load, with event time at twenty times real time: nothing acknowledged is lost, nothing counts twice. */
import { afterAll, describe, expect, test } from 'vitest';
import { HOSTS, KILLS, type TestHost } from './hosts.ts';
import { MINUTE_MS, Oracle, type OracleSample, type OracleWindow, oracleValue, SAMPLES_PER_MINUTE, sampleAt } from './oracle.ts';
import { freePort, freshDataDir, getJson, type Keys, type ServerProcess, startServer, untilCaughtUp } from './server-process.ts';

const CLIENTS = 8;
const SPEED = 20;
const STEP_MS = MINUTE_MS / SAMPLES_PER_MINUTE;
const HOUR_MS = 3_600_000;
/** Small heads, so that the run seals and bundles all the time instead of once in ten minutes. */
const FLAGS = ['--head-max', '24KiB'];

const started: ServerProcess[] = [];
const dataDirs: { remove: () => void }[] = [];
afterAll(async () => {
  for (const server of started) await server.kill('SIGKILL');
  for (const dataDir of dataDirs) dataDir.remove();
});

/** A driver of one client: sends each sample until it is acknowledged, or gives it up; repeats some, holds some back. */
class Driver {
  readonly #client: string;
  readonly #oracle: Oracle;
  readonly #random: () => number;
  #sequence = 0;
  #held: OracleSample[] = [];

  constructor(client: string, oracle: Oracle, random: () => number) {
    this.#client = client;
    this.#oracle = oracle;
    this.#random = random;
  }

  async send(keys: Keys, timestamp: number): Promise<void> {
    const sample = sampleAt(this.#client, timestamp);
    if (this.#random() < 0.1) {
      this.#held.push(sample);
      return;
    }
    const due = this.#held.filter((held) => held.timestamp < timestamp - 4 * MINUTE_MS);
    this.#held = this.#held.filter((held) => !due.includes(held));
    await this.#push(keys, [sample, ...due]);
  }

  async flush(keys: Keys): Promise<void> {
    if (this.#held.length > 0) await this.#push(keys, this.#held);
    this.#held = [];
  }

  async #push(keys: Keys, samples: readonly OracleSample[]): Promise<void> {
    const pushId = `boot-${this.#client}:${this.#sequence++}`;
    const metrics = samples.map((sample) => ({ name: 'oracle', value: oracleValue(sample), timestamp: sample.timestamp }));
    const attempts = this.#random() < 0.1 ? 1 : 100;
    for (const sample of samples) this.#oracle.sent(sample);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const status = await post(keys, pushId, { client_id: this.#client, metrics });
      if (status === 202) {
        for (const sample of samples) this.#oracle.acknowledged(sample);
        if (this.#random() < 0.1) await post(keys, pushId, { client_id: this.#client, metrics });
        return;
      }
      await pause(100);
    }
  }
}

/** @returns the status, or 0 where no answer came. */
async function post(keys: Keys, pushId: string, body: unknown): Promise<number> {
  try {
    const response = await fetch(`${keys.url}/metrics`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.ingest}`, 'content-type': 'application/json', 'idempotency-key': pushId },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function windowsOf(keys: Keys, startMs: number, open: boolean): Promise<OracleWindow[]> {
  const path = `/api/v1/windows?metric=oracle&start=${startMs}&end=${startMs + 6 * HOUR_MS}&resolution=1m${open ? '&open=true' : ''}`;
  return (await getJson<{ windows: OracleWindow[] }>(keys, path)).windows;
}

/** A server on a host that is started again on the same data. */
function server(host: TestHost, port: number): () => Promise<ServerProcess> {
  const dataDir = freshDataDir();
  dataDirs.push(dataDir);
  return async () => {
    const running = await startServer(host, dataDir.path, port, FLAGS);
    started.push(running);
    return running;
  };
}

describe.each(HOSTS)('$name', (host) => {
  test(`after ${KILLS} SIGKILLs every acknowledged sample counts once, every other at most once, and no closed minute was ever partial`, {
    timeout: 60_000 + KILLS * 8_000,
  }, async () => {
    const random = seeded(20_261_123);
    const oracle = new Oracle();
    // Event time starts shortly before an hour begins, so that hours are bundled on the way.
    const startMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 3 * HOUR_MS - 4 * MINUTE_MS;
    const realStartMs = Date.now();
    const start = server(host, await freePort());
    let current = await start();
    let running = true;
    const drivers = Array.from({ length: CLIENTS }, (_, i) => new Driver(`oracle-${i}`, oracle, random));
    const loads = drivers.map(async (driver) => {
      for (let timestamp = startMs; running; timestamp += STEP_MS) {
        await driver.send(current.keys, timestamp);
        await pause(Math.max(0, (timestamp - startMs) / SPEED - (Date.now() - realStartMs)));
      }
    });
    for (let kill = 0; kill < KILLS; kill++) {
      await pause(300 + random() * 1_500);
      await current.kill('SIGKILL');
      current = await start();
      await untilCaughtUp(current.keys);
      const required = oracle.snapshot();
      expect(oracle.violations(await windowsOf(current.keys, startMs, false), required, true)).toEqual([]);
    }
    running = false;
    await Promise.all(loads);
    for (const driver of drivers) await driver.flush(current.keys);
    expect(oracle.violations(await windowsOf(current.keys, startMs, true), oracle.snapshot(), false)).toEqual([]);
    // The same after an orderly stop, which seals and bundles what has closed.
    expect(await current.kill('SIGTERM')).toBe(0);
    current = await start();
    await untilCaughtUp(current.keys);
    expect(oracle.violations(await windowsOf(current.keys, startMs, true), oracle.snapshot(), false)).toEqual([]);
    expect(oracle.acknowledgedCount).toBeGreaterThan(CLIENTS * 5 * KILLS);
  });
});

/** mulberry32: a small seeded generator, so that a failing run can be looked at again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
