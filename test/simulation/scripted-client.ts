/** A client that pushes over HTTP by a script of bad habits, and knows what it was promised. */
import type { Claims } from './claims.ts';
import type { FaultCounts } from './faults.ts';
import type { Answer, Network } from './network.ts';
import type { Random } from './random.ts';
import { type Habit, type MadeMetric, SampleMaker } from './sample-maker.ts';
import type { SimulatedServer } from './server.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface ScriptedClientOptions {
  readonly tenant: string;
  readonly client: string;
  readonly key: string;
  /** Its clock is wrong by so much. */
  readonly skewMs: number;
  readonly intervalMs: number;
  readonly seriesCount: number;
  /** What it does beside plain pushes, and how often. */
  readonly habits: readonly Habit[];
  readonly habitChance: number;
  /** Pushes of a burst now and then; 0: none. */
  readonly burst: number;
  /** Told when a burst begins. */
  readonly bursting: () => void;
  /** Whether its pushes name themselves. */
  readonly pushIds: boolean;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly network: Network;
  readonly server: SimulatedServer;
  readonly claims: Claims;
  readonly faults: FaultCounts;
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly metrics: readonly MadeMetric[];
  /** The server's start that it was first sent to. */
  readonly start: number;
  /** A misuse of a push id: with a sample that has no time among them, all of it is rightly dropped. */
  readonly misused: boolean;
  acknowledged: boolean;
}

const TIMEOUT_MS = 5_000;
const TRIES = 4;

export class ScriptedClient {
  paused = false;
  /** No more mischief: repeats what is owed and is done. */
  healed = false;
  /** Pushes on their way. */
  owed = 0;
  readonly #options: ScriptedClientOptions;
  readonly #maker: SampleMaker;
  #boot: string;
  #previous: string | undefined;
  #sequence = 0;
  #history: Sent[] = [];

  constructor(options: ScriptedClientOptions) {
    const { random, faults, seriesCount, clock, intervalMs } = options;
    this.#options = options;
    this.#maker = new SampleMaker(random, faults, seriesCount);
    this.#boot = random.hex(8);
    clock.schedule(random.whole(0, intervalMs), () => this.#tick());
  }

  #tick(): void {
    const { clock, random, intervalMs, burst } = this.#options;
    if (this.healed) return;
    clock.schedule(intervalMs * (0.5 + random.next()), () => this.#tick());
    if (this.paused) return;
    if (random.chance(0.02)) this.#reboot();
    const bursting = burst > 0 && random.chance(0.08);
    if (bursting) this.#options.bursting();
    for (let i = 0; i < (bursting ? burst : 1); i++) {
      clock.schedule(bursting ? i * random.whole(0, 150) : 0, () => this.#push(bursting ? 'heartbeat' : this.#habit()));
    }
    if (this.#history.length > 0 && random.chance(0.06)) this.#repeat();
  }

  #habit(): Habit {
    const { random, habits, habitChance } = this.#options;
    return habits.length > 0 && random.chance(habitChance) ? random.pick(habits) : 'plain';
  }

  #reboot(): void {
    const { random, faults } = this.#options;
    faults.count('boot_renewed');
    this.#previous = this.#sequence > 0 ? `${this.#boot}:${this.#sequence}` : undefined;
    this.#boot = random.hex(8);
    this.#sequence = 0;
  }

  #push(habit: Habit): void {
    const { clock, skewMs, pushIds, faults, random } = this.#options;
    if (this.healed) return;
    const metrics = this.#maker.make(habit, clock.nowMs() + skewMs);
    // Without an id a repeat of what has no time would rightly be another sample.
    const named = pushIds || metrics.some(({ claim }) => claim !== undefined && claim.ms === undefined);
    if (!named) faults.count('push_without_id');
    const id = named ? `${this.#boot}:${this.#sequence++}` : undefined;
    const sent = this.#sealed(id, metrics, false);
    this.#history = [...this.#history.slice(-12), sent];
    this.#try(sent, random.chance(0.8) ? TRIES : 1);
  }

  #sealed(id: string | undefined, metrics: readonly MadeMetric[], misused: boolean): Sent {
    const { client, key, clock, skewMs, random, claims, server } = this.#options;
    const text = JSON.stringify({ client_id: client, metrics: metrics.map(({ json }) => json) }, (_, value: unknown) =>
      Object.is(value, -0) ? '-0' : value,
    );
    const headers = {
      Authorization: `Bearer ${key}`,
      'Content-Type': 'application/json',
      ...(id === undefined ? {} : { 'Idempotency-Key': id }),
      ...(random.chance(0.5) ? { 'X-Sent-At': String(clock.nowMs() + skewMs) } : {}),
      ...(this.#previous === undefined ? {} : { 'X-Previous-Boot': this.#previous }),
    };
    for (const { claim } of metrics) if (claim !== undefined) claims.sent(client, claim);
    const body = new TextEncoder().encode(text.replaceAll('"value":"-0"', '"value":-0'));
    return { headers, body, metrics, start: server.starts, misused, acknowledged: false };
  }

  /** An old push once more: the same, or with other content under the same id. */
  #repeat(): void {
    const { random, faults, server, clock, skewMs } = this.#options;
    const old = random.pick(this.#history);
    const id = old.headers['Idempotency-Key'];
    if (id === undefined) return;
    if (old.acknowledged && random.chance(0.5)) {
      faults.count('push_id_with_other_content');
      this.#try(this.#sealed(id, this.#maker.make(random.pick(['plain', 'unstamped']), clock.nowMs() + skewMs), true), 1);
      return;
    }
    faults.count(old.start < server.starts ? 'push_repeated_after_restart' : 'push_repeated');
    this.#try(old, 1);
  }

  #try(sent: Sent, tries: number): void {
    const { clock, network, tenant, client, random, faults } = this.#options;
    this.owed += 1;
    let over = false;
    const end = (again: boolean): void => {
      if (over) return;
      over = true;
      this.owed -= 1;
      if (!again) return;
      if (tries <= 1 && !this.healed) faults.count('client_gave_up');
      else clock.schedule(random.whole(500, 6_000), () => this.#try(sent, this.healed ? 1 : tries - 1));
    };
    clock.schedule(TIMEOUT_MS, () => end(true));
    const { headers, body } = sent;
    const answered = (answer: Answer): void => this.#answered(sent, answer);
    network
      .post({ sender: `${tenant}/${client}`, headers, body, alive: () => true, answered })
      .then(({ status }) => end(status === 429 || status >= 500))
      .catch(() => end(true));
  }

  #answered(sent: Sent, { status, text }: Answer): void {
    const { metrics } = sent;
    const { claims, client, faults } = this.#options;
    if (status === 429) faults.count('rate_limited');
    if (status === 503 && text.includes('"overloaded"')) faults.count('heads_overloaded');
    if (status === 503 && text.includes('"storage_full"')) faults.count('disk_full');
    if (text.includes('"series_limit"')) faults.count('series_over_limit');
    if (status !== 202) return;
    sent.acknowledged = true;
    const { errors, duplicate } = JSON.parse(text) as { errors: { index: number }[]; duplicate: boolean };
    const refused = new Set(errors.map(({ index }) => index));
    const stamped = metrics.some(({ claim }) => claim !== undefined && claim.ms === undefined);
    // The repeat of a push that the edge stamped is dropped whole: it promises no more than the original did.
    if (stamped && (duplicate || sent.misused)) return;
    metrics.forEach(({ claim }, index) => {
      if (claim !== undefined && !refused.has(index)) claims.acknowledged(client, claim);
    });
  }
}
