/** One seed from beginning to end: traffic, faults and holes, then healing, and the last accounts. */
import { HOUR_MS, MINUTE_MS } from '../../src/model/window.ts';
import { AgentHost } from './agent-host.ts';
import { FaultCounts } from './faults.ts';
import type { Identities } from './identities.ts';
import { Network } from './network.ts';
import { Oracle } from './oracle.ts';
import { type Random, seededRandom } from './random.ts';
import { type ClientPlan, planScenario, type Scenario } from './scenario.ts';
import { ScriptedClient } from './scripted-client.ts';
import { type Sabotage, SimulatedServer } from './server.ts';
import type { Moment, Work } from './simulated-disk.ts';
import type { System } from './system.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly system: System;
  readonly identities: Identities;
  readonly sabotage: Sabotage;
}

export interface Outcome {
  readonly seed: number;
  /** None: all invariants held. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly faults: FaultCounts;
}

/** After all faults heal, buffers are empty and the consumer has caught up within this, virtual. */
const HEALING_MS = 300_000;
/** However silent a client is, its windows close this long after their end: two minutes, and two late ticks. */
const CLOSING_MS = 4 * MINUTE_MS;
const VIOLATIONS_MAX = 5;

export async function simulate(options: WorldOptions): Promise<Outcome> {
  const world = new World(options);
  try {
    await world.run();
  } catch (error) {
    world.report(`the simulation ended: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    world.end();
  }
  return { seed: options.seed, violations: world.violations, trace: world.trace, faults: world.faults };
}

/** When a crash can come: a log's commit is written first, and synced later. */
const MOMENTS: Readonly<Record<Work, readonly Moment[]>> = {
  log: ['before', 'inside', 'after'],
  checkpoint: ['inside', 'after'],
  upkeep: ['before', 'after'],
  read: ['before', 'after'],
};

class World {
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly faults = new FaultCounts();
  readonly #random: Random;
  readonly #scenario: Scenario;
  readonly #clock: VirtualClock;
  readonly #oracle: Oracle;
  readonly #server: SimulatedServer;
  readonly #network: Network;
  readonly #agents = new Map<AgentHost, ClientPlan>();
  readonly #scripted: ScriptedClient[] = [];
  readonly #identities: Identities;

  constructor({ seed, system, identities, sabotage }: WorldOptions) {
    const random = seededRandom(seed);
    this.#random = random;
    this.#identities = identities;
    this.#scenario = planScenario(random);
    this.#clock = new VirtualClock(this.#scenario.startMs);
    const tell = (line: string): void => this.#tell(line);
    const report = (violation: string): void => this.report(violation);
    const { settings, clients } = this.#scenario;
    const tenants = [...new Set(clients.map(({ tenant }) => tenant))];
    this.#oracle = new Oracle({ random, faults: this.faults, tenants, report, trace: tell });
    const { observer } = this.#oracle;
    const around = { clock: this.#clock, random, faults: this.faults };
    const keys = [...tenants.map((tenant) => identities.read[tenant]), ...clients.map((plan) => this.#keyOf(plan))];
    const { secret } = identities;
    this.#server = new SimulatedServer({ ...around, system, secret, keys: [...new Set(keys)], settings, sabotage, observer });
    this.#server.poisonChance = this.#scenario.poisonChance;
    const doubled = (): void => {
      if (random.chance(0.1)) this.#doom('crash', 'log', 'before', 0);
    };
    this.#network = new Network({ ...around, server: this.#server, trace: tell, report, doubled });
    for (const plan of clients) this.#host(plan, system);
    tell(JSON.stringify(this.#scenario));
  }

  report(violation: string): void {
    this.#tell(`VIOLATION ${violation}`);
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(violation);
  }

  async run(): Promise<void> {
    this.#server.start();
    await this.#clock.settle();
    for (const { durationMs, hole, holeMs } of this.#scenario.stretches) {
      await this.#traffic(this.#clock.nowMs() + durationMs);
      await this.#hole(hole, holeMs);
      if (this.violations.length > 0) return;
    }
    await this.#heal();
    if (this.violations.length > 0) return;
    await this.#account();
  }

  end(): void {
    this.#server.end();
  }

  #tell(line: string): void {
    this.trace.push(`${this.#clock.nowMs() - this.#scenario.startMs} ${line}`);
  }

  #host(plan: ClientPlan, system: System): void {
    const { tenant, client, burst, kind } = plan;
    const around = {
      clock: this.#clock,
      random: this.#random,
      network: this.#network,
      claims: this.#oracle.claims[tenant],
      faults: this.faults,
    };
    if (kind === 'agent') {
      const report = (violation: string): void => this.report(violation);
      this.#agents.set(new AgentHost({ ...plan, ...around, system, report, key: this.#keyOf(plan) }), plan);
      return;
    }
    if (burst > 0) this.#oracle.limited.add(`${tenant}/${client}`);
    // In the midst of a burst a short absence is where a limit would be forgotten.
    const bursting = (): void => {
      if (!this.#network.faulty || !this.#random.chance(0.1)) return;
      this.#server.downMs = 60;
      this.#doom('crash', 'log', 'after', 2);
    };
    this.#scripted.push(new ScriptedClient({ ...plan, ...around, key: this.#keyOf(plan), server: this.#server, bursting }));
  }

  #keyOf({ kind, tenant, burst }: ClientPlan): string {
    return (kind === 'scripted' && burst > 0 ? this.#identities.limited : this.#identities.ingest)[tenant];
  }

  /** Clients push, and something may go wrong at each step. */
  async #traffic(untilMs: number): Promise<void> {
    this.#setSlack(this.#random.pick([2, 4, 8]));
    while (this.#clock.nowMs() < untilMs && this.violations.length === 0) {
      await this.#clock.runUntil(this.#clock.nowMs() + this.#random.whole(1_000, 12_000));
      if (this.#random.chance(this.#scenario.faultChance)) await this.#mischief();
      if (this.#random.chance(0.06)) await this.#read(false);
    }
  }

  async #mischief(): Promise<void> {
    const random = this.#random;
    this.#server.downMs = random.pick([60, 60, 400, 3_000, 20_000, 3 * MINUTE_MS]);
    const kind = random.whole(0, 10);
    if (kind === 0) this.#server.crash('crash_between_steps');
    else if (kind <= 5) {
      const work = random.pick<Work>(['log', 'checkpoint', 'checkpoint', 'upkeep', 'read']);
      const moment = random.pick<Moment>(MOMENTS[work]);
      this.#doom('crash', work, moment, random.whole(0, work === 'log' || work === 'checkpoint' ? 4 : 20));
    } else if (kind === 6) {
      if (random.chance(0.5)) this.#doom('fail', 'log', random.pick<Moment>(['before', 'inside']), random.whole(0, 3));
      else this.#doom('fail', 'checkpoint', 'inside', random.whole(0, 5));
    } else if (kind === 7) await this.#finish(this.#server.restart());
    else if (kind <= 9) this.#trouble();
    else for (const agent of this.#agents.keys()) agent.crash();
  }

  #trouble(): void {
    const random = this.#random;
    const kind = random.whole(0, 3);
    if (kind === 0) {
      this.#server.diskFull = true;
      this.#clock.schedule(random.whole(5_000, 40_000), () => {
        this.#server.diskFull = false;
      });
    } else if (kind === 1 && this.#scenario.clockMaySet) {
      this.faults.count('server_clock_stepped');
      this.#oracle.clockWasSet = true;
      this.#server.clockOffsetMs += random.pick([-20_000, -20_000, -2_000, 5_000, 4 * MINUTE_MS]);
      this.#server.downMs = 400;
      if (random.chance(0.5)) this.#server.crash('crash_between_steps');
      this.#server.applyClock();
    } else if (kind === 2) {
      this.faults.count('server_slept');
      this.#clock.jump(random.whole(1_000, 90_000));
    } else {
      this.faults.count('client_silent');
      const client = random.pick([...this.#scripted, ...this.#agents.keys()]);
      client.paused = true;
      this.#clock.schedule(random.whole(20_000, 5 * MINUTE_MS), () => {
        client.paused = false;
      });
    }
  }

  #doom(kind: 'crash' | 'fail', work: Work, moment: Moment, skip: number): void {
    this.#server.doom ??= { kind, work, moment, skip };
  }

  async #hole(kind: Scenario['stretches'][number]['hole'], holeMs: number): Promise<void> {
    const untilMs = this.#clock.nowMs() + holeMs;
    if (kind === 'none') return;
    this.#tell(`hole: ${kind} for ${holeMs} ms`);
    this.faults.count(kind === 'sleep' ? 'world_slept' : kind === 'silence' ? 'client_silent' : 'server_unreachable');
    if (kind === 'sleep') {
      this.#clock.jump(holeMs);
      return;
    }
    if (kind === 'outage') {
      this.#server.downMs = holeMs;
      this.#server.crash('crash_between_steps');
      this.#server.downMs = 1_000;
      await this.#clock.runUntil(this.#clock.nowMs() + 20_000);
      // Agents go on for a while, so that spools fill and overflow; nobody learns more from a longer wait.
      for (const client of this.#scripted) client.paused = true;
      await this.#clock.runUntil(Math.min(untilMs, this.#clock.nowMs() + 6 * MINUTE_MS));
      this.#pause(false);
      this.#clock.jump(untilMs - this.#clock.nowMs());
      return;
    }
    this.#setSlack(20);
    this.#pause(true);
    await this.#clock.runUntil(untilMs);
    this.#pause(false);
  }

  #pause(paused: boolean): void {
    for (const client of [...this.#scripted, ...this.#agents.keys()]) client.paused = paused;
  }

  #setSlack(slack: number): void {
    this.#server.slack = slack;
    this.#server.applyClock();
  }

  /** Nothing goes wrong any more: everything owed arrives and is taken, within HEALING_MS. */
  async #heal(): Promise<void> {
    this.#network.faulty = false;
    this.#server.doom = undefined;
    this.#server.diskFull = false;
    this.#server.downMs = 500;
    this.#setSlack(1);
    for (const client of this.#scripted) client.healed = true;
    this.#pause(false);
    const startMs = this.#clock.nowMs();
    // A server that is down by plan comes back in its own time.
    const endMs = startMs + HEALING_MS + 3 * MINUTE_MS;
    while (this.#clock.nowMs() < endMs && !this.#isQuiet()) await this.#clock.runUntil(this.#clock.nowMs() + 1_000);
    this.#pause(true);
    this.#tell(`healed after ${this.#clock.nowMs() - startMs} ms`);
    if (this.#isQuiet()) return;
    const owed = [...this.#scripted, ...this.#agents.keys()].map((client) => client.owed);
    this.report(
      `not quiet: up ${this.#server.up}, owed ${owed.join(' ')}, position ${this.#server.position()} of ${this.#oracle.model.end}`,
    );
  }

  #isQuiet(): boolean {
    return (
      this.#server.up &&
      this.#server.position() === this.#oracle.model.end &&
      [...this.#scripted, ...this.#agents.keys()].every((client) => client.owed === 0)
    );
  }

  /** The last accounts: after all windows have closed, and once more after a clean restart or a crash. */
  async #account(): Promise<void> {
    this.#setSlack(10);
    await this.#clock.runUntil(this.#clock.nowMs() + this.#random.pick([CLOSING_MS + MINUTE_MS, 14 * MINUTE_MS]));
    await this.#read(true);
    this.#oracle.checkClosed(this.#clock.nowMs() + this.#server.clockOffsetMs - CLOSING_MS);
    if (this.#random.chance(0.5)) await this.#finish(this.#server.restart());
    else this.#server.crash('crash_between_steps');
    while (!this.#isQuiet() && this.#clock.nowMs() < this.#scenario.startMs + 24 * HOUR_MS) await this.#clock.step();
    await this.#read(true);
    for (const [agent, { tenant, client }] of this.#agents) {
      const model = this.#oracle.model.clients.get(`${tenant}/${client}`);
      if (model !== undefined) agent.check(model);
    }
  }

  async #read(whole: boolean): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const range = whole ? this.#oracle.allTime(nowMs) : this.#oracle.someRange(nowMs);
    let compared: boolean | undefined = false;
    // A straggler that arrives meanwhile moves the consumer: then the reading is done again.
    for (let tries = whole ? 5 : 1; tries > 0 && compared !== true; tries--) {
      compared = await this.#finish(this.#oracle.check(this.#server, this.#identities.read, range, whole));
    }
    this.#tell(`read ${whole ? 'all' : 'some'}: ${compared === true ? 'compared' : 'not compared'}`);
    if (whole && compared !== true) this.report('the last reading could not be compared');
  }

  /** Lets the world go on until `work` has ended, or can no longer end because the process died. */
  async #finish<T>(work: Promise<T>): Promise<T | undefined> {
    const { starts } = this.#server;
    let result: T | undefined;
    let ended = false;
    work.then(
      (value) => {
        result = value;
        ended = true;
      },
      (error: unknown) => {
        this.report(`failed: ${String(error)}`);
        ended = true;
      },
    );
    await this.#clock.settle();
    while (!ended && this.#server.up && this.#server.starts === starts && (await this.#clock.step()));
    return result;
  }
}
