/** Brings transitions to their sink, in order, and again until they are there. */
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TransitionSink } from '../ports/transition-sink.ts';

export class Courier {
  readonly #sink: TransitionSink | undefined;
  readonly #telemetry: Telemetry;
  #waiting: Transition[] = [];
  #sending: Promise<void> | undefined;

  /** @param sink undefined: nothing is ever to be brought. */
  constructor(sink: TransitionSink | undefined, telemetry: Telemetry) {
    this.#sink = sink;
    this.#telemetry = telemetry;
  }

  /** Some are not there yet: it has to be asked again. */
  get waits(): boolean {
    return this.#waiting.length > 0 && this.#sink !== undefined;
  }

  /** Takes transitions on, and sets off at once, with what waits as well. @returns a promise where so many wait that the next have to. */
  bring(transitions: readonly Transition[]): Promise<void> | undefined {
    for (const one of transitions) this.#waiting.push(one);
    if (this.#waiting.length === 0) return undefined;
    if (transitions.length > 0) this.#telemetry.count('metricstream_alert_transitions_total', transitions.length);
    const sending = this.settled();
    if (this.#waiting.length > ALERT_LIMITS.transitionsWaitingMax) return sending;
    // Who checkpoints asks again, and hears of it.
    sending?.catch(() => undefined);
    return undefined;
  }

  /** Resolves when nothing waits; undefined when that is so already. @throws what kept the sink from taking them: they still wait. */
  settled(): Promise<void> | undefined {
    if (this.#waiting.length === 0 || this.#sink === undefined) return this.#sending;
    this.#sending ??= this.#send(this.#sink).finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #send(sink: TransitionSink): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, ALERT_LIMITS.transitionsPerBatchMax);
      await sink.deliver(batch);
      this.#waiting.splice(0, batch.length);
    }
  }
}
