/** What stands behind the pipeline: told of samples as they come, and of windows as they close and change. */
import type { PlacedClient, SampleBlock, WindowColumn } from './time-series-store.ts';

export interface ClosedWindows extends PlacedClient {
  /** Start of the minute, Unix ms. */
  readonly startMs: number;
  /** One window per series. */
  readonly columns: readonly WindowColumn[];
  /** Log time at which it closed or changed, Unix ms. */
  readonly logMs: number;
}

export interface MergedSamples extends PlacedClient {
  /** What counts at the times of a push, now that it is merged: of two values for one time the greater. */
  readonly blocks: readonly SampleBlock[];
}

/** Calls come in order per client; none in replay, since they came before. They are synchronous and quick. */
export interface WindowSink {
  /** Once per client and minute. */
  closed(windows: ClosedWindows): void;
  /** All windows of a minute that had closed, when a late sample came, while its hour is not bundled: later ones go with a seal. */
  corrected?(windows: ClosedWindows): void;
  /** Once for each push that brought samples, but for late ones of minutes that were read back: they go with a seal. */
  merged?(samples: MergedSamples): void;
  /**
   * Resolves when at most `waitingMax` points of what was told have not taken effect for good, and none of what cannot be told again; undefined when
   * that holds already. A sink without it keeps nothing. @throws what keeps it from ever taking effect: nothing may be checkpointed then.
   */
  settled?(waitingMax: number): Promise<void> | undefined;
}
