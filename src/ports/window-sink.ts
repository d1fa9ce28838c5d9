/** What stands behind the pipeline: told of every window when it closes. */
import type { WindowColumn } from './time-series-store.ts';

export interface ClosedWindows {
  readonly tenant: string;
  readonly client: string;
  /** Start of the minute, Unix ms. */
  readonly startMs: number;
  /** One window per series. */
  readonly columns: readonly WindowColumn[];
  /** Log time at which it closed, Unix ms. */
  readonly logMs: number;
}

export interface WindowSink {
  /** Synchronous and quick; called once per client and minute, in order per client; not called in replay, nor for corrections. */
  closed(windows: ClosedWindows): void;
}
