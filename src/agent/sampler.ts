/** Runs the collectors side by side, so that one that fails or hangs takes nothing from the others. */
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Collector, Reading } from './collectors/collector.ts';

export interface SamplerOptions {
  readonly collectors: ReadonlyMap<string, Collector>;
  /** How long a sample waits for a collector. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Telemetry['log'];
}

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #errors = new Map<string, number>();
  readonly #running = new Set<string>();

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** What all collectors read, in their order; never rejects. */
  async sample(): Promise<Reading[]> {
    const names = [...this.#options.collectors.keys()];
    const readings = await Promise.all(names.map((name) => this.#collect(name)));
    return readings.flat().filter(({ value }) => Number.isFinite(value));
  }

  /** Readings that failed or timed out, by collector. */
  errors(): ReadonlyMap<string, number> {
    return this.#errors;
  }

  /** A collector that still hangs is not started again. */
  async #collect(name: string): Promise<readonly Reading[]> {
    if (this.#running.has(name)) return this.#failed(name, 'still running');
    this.#running.add(name);
    const run = this.#run(name).finally(() => this.#running.delete(name));
    let cancel = (): void => {};
    const timeout = new Promise<readonly Reading[]>((resolve) => {
      cancel = this.#options.clock.schedule(this.#options.timeoutMs, () => resolve(this.#failed(name, 'timeout')));
    });
    const readings = await Promise.race([run, timeout]);
    cancel();
    return readings;
  }

  async #run(name: string): Promise<readonly Reading[]> {
    try {
      return (await this.#options.collectors.get(name)?.()) ?? [];
    } catch (error) {
      return this.#failed(name, String(error));
    }
  }

  #failed(name: string, error: string): readonly Reading[] {
    const count = (this.#errors.get(name) ?? 0) + 1;
    this.#errors.set(name, count);
    if (count === 1)
      this.#options.log('warn', 'a collector failed; further failures are only counted', { collector: name, error });
    return [];
  }
}
