/** Keeps what is known of all hosts up to date: the ledger by polling, values by the live feed, sparklines by windows. */
import { LIMITS } from '../../../model/limits.ts';
import { MINUTE_MS } from '../../../model/window.ts';
import { createFleet, FLEET_METRICS } from '../fleet.ts';
import type { Services } from './services.ts';

const MINUTES = { fields: 'avg', stepMs: MINUTE_MS, step: '1m', resolution: '1m' } as const;

export class FleetSource {
  readonly fleet = createFleet();
  readonly #services: Services;
  readonly #onHosts: () => void;
  readonly #closeFeed: () => void;
  #counted: { readonly stored: number; readonly atMs: number } | undefined;
  #perSecond: number | undefined;
  #polling = false;
  #pollAtMs = 0;
  #historyAtMs = Number.NEGATIVE_INFINITY;
  #begun = false;

  /** @param onHosts after an answer that names the hosts. @param onValues after new values of some. */
  constructor(services: Services, onHosts: () => void, onValues: () => void) {
    this.#services = services;
    this.#onHosts = onHosts;
    this.#closeFeed = services.live.open(
      { metrics: FLEET_METRICS },
      (changed) => {
        if (this.fleet.takeLive(changed)) this.#pollAtMs = 0;
        onValues();
      },
      () => this.#begin(),
    );
  }

  /** The first answer has come. */
  get loaded(): boolean {
    return this.#counted !== undefined;
  }

  /** Samples stored per second between the last two answers. */
  get samplesPerSecond(): number | undefined {
    return this.#perSecond;
  }

  /** Asks again if it is time to. */
  poll(): void {
    const nowMs = this.#services.now();
    if (this.#polling || document.hidden || nowMs < this.#pollAtMs) return;
    this.#polling = true;
    this.#readClients()
      .catch((failure: unknown) => {
        this.#pollAtMs = this.#services.now() + LIMITS.pageReopenMs;
        this.#services.report(failure);
      })
      .finally(() => {
        this.#polling = false;
      });
  }

  stop(): void {
    this.#closeFeed();
  }

  /** A feed that comes back has missed what came in between. */
  #begin(): void {
    if (this.#begun) this.#historyAtMs = Number.NEGATIVE_INFINITY;
    this.#begun = true;
  }

  async #readClients(): Promise<void> {
    const clients = await this.#services.api.clients();
    const atMs = this.#services.now();
    this.fleet.takeClients(clients);
    const { stored } = this.fleet.totals(atMs);
    const before = this.#counted;
    if (before && atMs > before.atMs) this.#perSecond = Math.max(0, ((stored - before.stored) * 1000) / (atMs - before.atMs));
    this.#counted = { stored, atMs };
    this.#pollAtMs = atMs + Math.max(LIMITS.pagePollMs, clients.length * LIMITS.pagePollMsPerHost);
    this.#onHosts();
    await this.#readHistory(atMs);
  }

  /** Every metric once: an hour of those with a sparkline, the newest minutes of the others. */
  async #readHistory(nowMs: number): Promise<void> {
    const hosts = this.fleet.hosts.size;
    if (nowMs - this.#historyAtMs < LIMITS.pageHistoryAgeMs || hosts === 0 || hosts > LIMITS.pageSparkHostsMax) return;
    this.#historyAtMs = nowMs;
    const answers = await Promise.all(
      FLEET_METRICS.map(async (metric) => {
        const isDrawn = metric === 'cpu' || metric === 'memory_used_percent';
        const spanMs = isDrawn ? LIMITS.pageSparkMinutes * MINUTE_MS : LIMITS.pageSilentMs;
        const answer = await this.#services.api.windows({ metric, startMs: nowMs - spanMs, endMs: nowMs, ...MINUTES });
        if (isDrawn) this.fleet.takeHistory(metric, answer);
        return answer;
      }),
    );
    this.fleet.takeWindows(answers);
    this.#onHosts();
  }
}
