/** All that the simulation knows and checks: the model of the log, the claims of the clients, the closings, the limits. */
import { clientKey } from '../../src/model/partition.ts';
import type { Push } from '../../src/model/push.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/model/window.ts';
import { Claims } from './claims.ts';
import { Closings } from './closings.ts';
import type { FaultCounts } from './faults.ts';
import { type Identities, LIMITED_REQUESTS_PER_SECOND, type Tenant } from './identities.ts';
import { LogModel } from './log-model.ts';
import type { Random } from './random.ts';
import { type Range, Reading } from './reading.ts';
import type { ServerObserver, SimulatedServer } from './server.ts';

export interface OracleOptions {
  readonly random: Random;
  readonly faults: FaultCounts;
  /** Those that have clients. */
  readonly tenants: readonly Tenant[];
  readonly report: (violation: string) => void;
  readonly trace: (line: string) => void;
}

/** A push arrives so long before it is admitted, at most: looking at the clock takes time. */
const WORK_MS = 5;

export class Oracle {
  readonly claims: Readonly<Record<Tenant, Claims>>;
  readonly model: LogModel;
  readonly observer: ServerObserver;
  /** Clients whose key allows only few requests a second. */
  readonly limited = new Set<string>();
  /** Arrivals cannot be counted by a clock that was set. */
  clockWasSet = false;
  readonly #options: OracleOptions;
  readonly #closings: Closings;
  readonly #arrivals = new Map<string, number[]>();

  constructor(options: OracleOptions) {
    const { report, trace } = options;
    this.#options = options;
    this.claims = { acme: new Claims(report), globex: new Claims(report) };
    this.model = new LogModel({ report, logged: (push) => this.#logged(push) });
    this.#closings = new Closings(report);
    this.observer = {
      end: () => this.model.end,
      durable: (records) => this.model.learn(records),
      closed: (windows, partition, position) => this.#closings.closed(windows, partition, position),
      died: (positions) => {
        this.#countCrash();
        this.#closings.died(positions);
        for (const position of positions.values()) {
          if (position > this.model.end) report(`a checkpoint stands at ${position}; the log ends at ${this.model.end}`);
        }
      },
      report,
      trace,
    };
  }

  /**
   * Asks the API for a part or for all, and compares, if the consumer stood still meanwhile and has come as far as ever.
   * @returns whether it could be compared.
   */
  async check(server: SimulatedServer, keys: Identities['read'], range: Range, whole: boolean): Promise<boolean> {
    const { random, report } = this.#options;
    const reading = new Reading({ server, model: this.model, keys, report });
    const resolution = !whole && random.chance(0.3) ? '1h' : '1m';
    const open = whole || random.chance(0.5);
    for (const tenant of this.#options.tenants) {
      const position = server.position();
      if (!(position >= this.model.applied)) return false;
      const windows = await reading.windows(tenant, range, resolution, open);
      const hours = whole ? await reading.windows(tenant, range, '1h', false) : undefined;
      const samples = await reading.samples(tenant, range);
      const clients = await reading.ask(tenant, '/api/v1/clients', {});
      if (server.position() !== position || windows === undefined || samples === undefined || clients === undefined) return false;
      this.model.advance(position);
      const sums = reading.checkWindows(tenant, range, resolution, open, windows);
      if (hours !== undefined) reading.checkWindows(tenant, range, '1h', false, hours);
      reading.checkSamples(tenant, range, samples);
      reading.checkClients(tenant, clients);
      if (!whole || position < this.model.end) continue;
      this.claims[tenant].check(samples);
      this.claims[tenant].checkDigits(sums);
    }
    this.#closings.check(this.model);
    return true;
  }

  /** Every window that ended before `endMs` has closed. */
  checkClosed(endMs: number): void {
    for (const { tenant, client, series, frontierMs } of this.model.clients.values()) {
      const starts = [...series.values()].flatMap((minutes) => [...minutes.keys()]);
      const open = starts.find((start) => start + MINUTE_MS <= endMs && start >= frontierMs);
      if (open !== undefined) this.#options.report(`${tenant}/${client}: ${open} is still open`);
    }
  }

  /** A part of time and of the clients, at random. */
  someRange(nowMs: number): Range {
    const { random } = this.#options;
    const [first] = [...this.model.clients.values()];
    const startMs = nowMs - random.pick([10 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 27 * HOUR_MS]) - random.whole(0, MINUTE_MS);
    return {
      startMs,
      endMs: random.chance(0.5) ? nowMs + HOUR_MS : startMs + random.whole(1, 2 * HOUR_MS),
      client: random.chance(0.3) ? first?.client : undefined,
      metric: random.chance(0.3) ? random.pick(['weight', 'noise', 'tick', 'weight0']) : undefined,
    };
  }

  allTime(nowMs: number): Range {
    return { startMs: nowMs - 3 * DAY_MS, endMs: nowMs + DAY_MS, client: undefined, metric: undefined };
  }

  #logged(push: Push): void {
    this.claims[push.tenant as Tenant].logged(push);
    const key = clientKey(push.tenant, push.client);
    if (!this.limited.has(key) || this.clockWasSet) return;
    const arrivals = [...(this.#arrivals.get(key) ?? []), push.arrivalMs].sort((a, b) => a - b).slice(-40);
    this.#arrivals.set(key, arrivals);
    arrivals.forEach((arrivalMs, i) => {
      const before = arrivals[i - LIMITED_REQUESTS_PER_SECOND];
      if (before !== undefined && arrivalMs - before < 1_000 - WORK_MS) {
        this.#options.report(`${key}: more than ${LIMITED_REQUESTS_PER_SECOND} pushes between ${before} and ${arrivalMs}`);
      }
    });
  }

  /** In which states windows were when the process died, as far as the model has come. */
  #countCrash(): void {
    const { faults } = this.#options;
    let open = false;
    let closed = false;
    let corrected = false;
    for (const client of this.model.clients.values()) {
      for (const [series, minutes] of client.series) {
        for (const start of minutes.keys()) {
          if (start >= client.frontierMs) open = true;
          else closed = true;
          if (!corrected && (client.window(series, start)?.revision ?? 1) > 1) corrected = true;
        }
      }
    }
    if (open) faults.count('crash_with_open_windows');
    if (closed) faults.count('crash_with_closed_windows');
    if (corrected) faults.count('crash_with_corrected_windows');
  }
}
