/** Where the transitions of alerts go: to the one place that knows incidents. */
import type { Transition } from '../model/alert.ts';

export interface TransitionSink {
  /**
   * Keeps transitions for good. They come in order per client, and again after a crash, with the same ids: what is known is passed over.
   * Resolves when they are durable. @throws what kept them from being so; then they are told again.
   */
  deliver(transitions: readonly Transition[]): Promise<void>;
}
