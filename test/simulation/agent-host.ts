/** A host with the real push machine: it is fed samples, dies, and comes back with another boot id and the same spool. */
import type { PushRequest, PushResponse } from '../../src/agent/push.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { MINUTE_MS, windowStart } from '../../src/model/window.ts';
import { type ClaimedSample, type Claims, WEIGHTS_PER_MINUTE } from './claims.ts';
import type { ClientModel } from './client-model.ts';
import type { FaultCounts } from './faults.ts';
import type { Answer, Network } from './network.ts';
import type { Random } from './random.ts';
import type { System } from './system.ts';
import { ProcessClock, type VirtualClock } from './virtual-clock.ts';

export interface AgentHostOptions {
  readonly tenant: string;
  readonly client: string;
  readonly key: string;
  readonly intervalMs: number;
  readonly spoolMs: number;
  readonly seriesCount: number;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly network: Network;
  readonly claims: Claims;
  readonly faults: FaultCounts;
  readonly system: System;
  readonly report: (violation: string) => void;
}

interface Body {
  readonly metrics: readonly {
    readonly name: string;
    readonly value: number;
    readonly timestamp: number;
    readonly labels?: Record<string, string>;
  }[];
}

export class AgentHost {
  paused = false;
  readonly #options: AgentHostOptions;
  readonly #spool: ReturnType<System['memorySpool']>;
  readonly #digits = new Map<number, number>();
  #clock: ProcessClock;
  #pusher: InstanceType<System['Pusher']>;
  #alive = { yes: true };
  readonly #made = { pushes: 0, samples: 0 };
  #boots = 0;
  #dropped = 0;
  #breakerOpen = false;

  constructor(options: AgentHostOptions) {
    const { clock, random, system, spoolMs, intervalMs } = options;
    this.#options = options;
    this.#spool = system.memorySpool({ spoolMs, bytesMax: LIMITS.agentSpoolBytesMax });
    this.#clock = new ProcessClock(clock);
    this.#pusher = this.#start();
    clock.schedule(random.whole(0, intervalMs), () => this.#tick());
  }

  /** Pushes that are not delivered. */
  get owed(): number {
    return this.#spool.status().pushes;
  }

  crash(): void {
    this.#options.faults.count('agent_restarted');
    this.#alive.yes = false;
    this.#clock.kill();
    const { made } = this.#pusher.status();
    this.#made.pushes += made.pushes;
    this.#made.samples += made.samples;
    this.#clock = new ProcessClock(this.#options.clock);
    this.#pusher = this.#start();
  }

  /** Conservation: made = delivered + dropped once nothing is owed. */
  check({ samples: { stored }, pushes: { expected, received } }: ClientModel): void {
    const { report, tenant, client } = this.#options;
    const { made: now } = this.#pusher.status();
    const made = this.#made.samples + now.samples;
    const pushes = this.#made.pushes + now.pushes;
    const dropped = Object.values(this.#spool.status().dropped).reduce((sum, count) => sum + count, 0);
    // A dropped push may have been stored all the same: its answer was lost.
    if (stored > made || stored < made - dropped) {
      report(`${tenant}/${client}: the agent made ${made} samples and dropped ${dropped}; ${stored} are stored`);
    }
    // More boots than the ledger remembers may come back as strangers.
    if (this.#boots <= LIMITS.bootsPerClient && (expected > pushes || received > pushes)) {
      report(`${tenant}/${client}: the agent made ${pushes} pushes; ${expected} are expected and ${received} received`);
    }
  }

  #start(): InstanceType<System['Pusher']> {
    const { client, key, intervalMs, random, system } = this.#options;
    const alive = { yes: true };
    this.#alive = alive;
    this.#boots += 1;
    return new system.Pusher({
      client,
      bootId: random.hex(16),
      intervalMs,
      readKey: () => key,
      clock: this.#clock,
      random: random.next,
      send: (request) => this.#send(request, alive),
      spool: this.#spool,
      log: () => {},
    });
  }

  #tick(): void {
    const { clock, intervalMs } = this.#options;
    clock.schedule(intervalMs, () => this.#tick());
    if (this.paused) return;
    this.#pusher.push(this.#samples(clock.nowMs()));
    this.#countFaults();
  }

  #samples(timestampMs: number): { name: string; value: number; timestampMs: number }[] {
    const minute = windowStart(timestampMs, MINUTE_MS);
    const digit = this.#digits.get(minute) ?? 0;
    if (digit >= WEIGHTS_PER_MINUTE) return [];
    this.#digits.set(minute, digit + 1);
    return Array.from({ length: this.#options.seriesCount }, (_, i) => ({ name: `weight${i}`, value: 4 ** digit, timestampMs }));
  }

  #countFaults(): void {
    const { faults } = this.#options;
    const { breaker, spool } = this.#pusher.status();
    const open = breaker !== 'closed';
    if (open && !this.#breakerOpen) faults.count('agent_breaker_opened');
    this.#breakerOpen = open;
    const dropped = Object.values(spool.dropped).reduce((sum, count) => sum + count, 0);
    faults.count('agent_dropped_samples', dropped - this.#dropped);
    this.#dropped = dropped;
  }

  async #send({ headers, body }: PushRequest, alive: { readonly yes: boolean }): Promise<PushResponse> {
    const { network, tenant, client } = this.#options;
    const bytes = Uint8Array.from(body);
    const claims = claimsOf(bytes);
    for (const claim of claims) this.#options.claims.sent(client, claim);
    const { status, retryAfter } = await network.post({
      sender: `${tenant}/${client}`,
      headers,
      body: bytes,
      alive: () => alive.yes,
      answered: (answer) => this.#answered(answer, claims),
    });
    return { status, retryAfter };
  }

  #answered({ status, text }: Answer, claims: readonly ClaimedSample[]): void {
    if (status !== 202) return;
    const { errors } = JSON.parse(text) as { errors: { index: number }[] };
    const refused = new Set(errors.map(({ index }) => index));
    claims.forEach((claim, index) => {
      if (!refused.has(index)) this.#options.claims.acknowledged(this.#options.client, claim);
    });
  }
}

/** The claims of a push, read back from its body: an earlier boot may have made it. */
function claimsOf(body: Uint8Array): ClaimedSample[] {
  const { metrics } = JSON.parse(new TextDecoder().decode(body)) as Body;
  return metrics.map(({ name, value, timestamp, labels }) => {
    const series = Object.entries(labels ?? {}).reduce((key, [label, text]) => `${key}\0${label}\0${text}`, name);
    return { series, ms: timestamp, ns: 0, value };
  });
}
