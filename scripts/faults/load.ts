/** The load of a run of faults: 20 tenants whose clients have equal names, each of which behaves as an agent does when it is refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE_MS, type OracleSample, oracleValue, SAMPLES_PER_MINUTE, sampleAt } from '../../test/system/oracle.ts';
import type { Ledger } from './ledger.ts';

export interface TenantKey {
  readonly tenant: string;
  readonly key: string;
}

export interface LoadOptions {
  readonly keys: readonly TenantKey[];
  readonly ledger: Ledger;
  /** The edge that takes the next push. */
  edge(): string;
  /** Where event time begins. */
  readonly startMs: number;
}

const CLIENTS = ['web-1', 'web-2'];
/** Event time runs so much faster than the clock. */
const SPEED = 20;
const STEP_MS = MINUTE_MS / SAMPLES_PER_MINUTE;
const SAMPLES_PER_PUSH = 8;
const HELD_SHARE = 0.01;
const GIVEN_UP_SHARE = 0.03;
const REPEATED_SHARE = 0.05;
/** What is held back comes so much later, to a minute that has closed. */
const HELD_MS = 4 * MINUTE_MS;
/** Longer than the edge takes to say 503. */
const REQUEST_TIMEOUT_MS = 15_000;
const UNREACHABLE_MS = 500;
/** How long clients may still try when the load is over. */
const DRAIN_MS = 90_000;

interface Answer {
  /** 0: none came. */
  readonly status: number;
  readonly retryAfterMs: number | undefined;
}

export class Load {
  readonly #options: LoadOptions;
  readonly #clients: Client[];
  readonly #errors = new Map<string, number>();
  #running: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #isGivenUp = false;
  #slowestMs = 0;
  /** Moments of `performance.now()`. */
  #acknowledgedMs: number[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#clients = options.keys.flatMap((key) => CLIENTS.map((name) => new Client(name, key, this, options)));
  }

  start(): void {
    const startedMs = performance.now();
    this.#running = Promise.all(this.#clients.map((client) => client.run(startedMs)));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Pushes that were acknowledged between two moments of `performance.now()`. */
  acknowledgedBetween(fromMs: number, toMs: number): number {
    return this.#acknowledgedMs.filter((ms) => ms >= fromMs && ms < toMs).length;
  }

  /** When the first push after a moment was acknowledged; undefined: none yet. */
  firstAcknowledgedMs(afterMs: number): number | undefined {
    return this.#acknowledgedMs.find((ms) => ms >= afterMs);
  }

  /** The longest that a push took from its first try to its 202. */
  get slowestMs(): number {
    return this.#slowestMs;
  }

  /** What clients were answered other than 202, and how often. */
  errors(): readonly (readonly [string, number])[] {
    return [...this.#errors].sort(([a], [b]) => a.localeCompare(b));
  }

  /** Everybody sends what it has, and a sample minutes later that closes all windows before. @returns where that last minute starts. */
  async stop(): Promise<number> {
    this.#isOver = true;
    const giveUp = setTimeout(() => (this.#isGivenUp = true), DRAIN_MS);
    await this.#running;
    const lastMs = Math.max(...this.#clients.map(({ lastMs: ms }) => ms));
    const closingMs = (Math.floor(lastMs / MINUTE_MS) + 3) * MINUTE_MS;
    await Promise.all(this.#clients.map((client) => client.finish(closingMs)));
    clearTimeout(giveUp);
    return closingMs;
  }

  /** Sends one push until it is acknowledged, with one id; at once and only once where it is told to give up. */
  async push({ tenant, key }: TenantKey, pushId: string, body: string, isPatient: boolean): Promise<boolean> {
    const startedMs = performance.now();
    for (;;) {
      const answer = await this.#post(key, pushId, body);
      if (answer.status === 202) {
        const nowMs = performance.now();
        this.#acknowledgedMs.push(nowMs);
        this.#slowestMs = Math.max(this.#slowestMs, nowMs - startedMs);
        return true;
      }
      const told = answer.retryAfterMs === undefined ? 'without Retry-After' : 'with Retry-After';
      this.#count(answer.status === 0 ? 'no answer' : `${answer.status} ${told}`);
      if (answer.status !== 0 && answer.status !== 429 && answer.status < 500)
        throw new Error(`A push of ${tenant} was refused with ${answer.status}.`);
      if (!isPatient || this.#isGivenUp) return false;
      await sleep(answer.retryAfterMs ?? UNREACHABLE_MS);
    }
  }

  async #post(key: string, pushId: string, body: string): Promise<Answer> {
    try {
      const response = await fetch(`${this.#options.edge()}/metrics`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': pushId },
        body,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      await response.arrayBuffer();
      const after = response.headers.get('retry-after');
      return { status: response.status, retryAfterMs: after === null ? undefined : Number(after) * 1_000 };
    } catch {
      return { status: 0, retryAfterMs: undefined };
    }
  }

  #count(what: string): void {
    this.#errors.set(what, (this.#errors.get(what) ?? 0) + 1);
  }
}

class Client {
  readonly #name: string;
  readonly #key: TenantKey;
  readonly #load: Load;
  readonly #options: LoadOptions;
  #held: OracleSample[] = [];
  #sequence = 0;
  lastMs: number;

  constructor(name: string, key: TenantKey, load: Load, options: LoadOptions) {
    this.#name = name;
    this.#key = key;
    this.#load = load;
    this.#options = options;
    this.lastMs = options.startMs;
  }

  async run(startedMs: number): Promise<void> {
    const { startMs } = this.#options;
    // Not all at once.
    await sleep(Math.random() * ((SAMPLES_PER_PUSH * STEP_MS) / SPEED));
    for (let ms = startMs; !this.#load.isOver; ms += SAMPLES_PER_PUSH * STEP_MS) {
      const fresh = Array.from({ length: SAMPLES_PER_PUSH }, (_, i) => sampleAt(this.#name, ms + i * STEP_MS));
      const due = this.#held.filter(({ timestamp }) => timestamp < ms - HELD_MS);
      this.#held = this.#held.filter((sample) => !due.includes(sample));
      const now = fresh.filter((sample) => {
        if (Math.random() >= HELD_SHARE) return true;
        this.#held.push(sample);
        return false;
      });
      this.lastMs = ms + SAMPLES_PER_PUSH * STEP_MS;
      await this.#push([...now, ...due], Math.random() >= GIVEN_UP_SHARE);
      await sleep(Math.max(0, (this.lastMs - startMs) / SPEED - (performance.now() - startedMs)));
    }
  }

  async finish(closingMs: number): Promise<void> {
    await this.#push(this.#held, true);
    this.#held = [];
    await this.#push([sampleAt(this.#name, closingMs)], true);
  }

  async #push(samples: readonly OracleSample[], isPatient: boolean): Promise<void> {
    if (samples.length === 0) return;
    const { tenant } = this.#key;
    const { ledger } = this.#options;
    const pushId = `boot-${this.#name}:${this.#sequence++}`;
    const metrics = samples.map((sample) => ({ name: 'oracle', value: oracleValue(sample), timestamp: sample.timestamp }));
    const body = JSON.stringify({ client_id: this.#name, metrics });
    for (const sample of samples) ledger.sent(tenant, sample);
    if (!(await this.#load.push(this.#key, pushId, body, isPatient))) return;
    for (const sample of samples) ledger.acknowledged(tenant, sample);
    if (Math.random() < REPEATED_SHARE) await this.#load.push(this.#key, pushId, body, false);
  }
}
