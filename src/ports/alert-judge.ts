/** What judges the windows and samples of a partition by rules. Everything comes from the log, in order: a replay gives the same. */
import type { AlertControl, Transition } from '../model/alert.ts';
import type { PlacedClient, SampleBlock, WindowColumn } from './time-series-store.ts';

/** A client as the pipeline knows it at this point of the log. */
export interface JudgedClient extends PlacedClient {
  /** Arrival less send time of the last push that named one, ms. */
  readonly skewMs: number | undefined;
}

export interface JudgedMinute extends JudgedClient {
  /** Start of the minute, Unix ms. */
  readonly startMs: number;
  /** One window per series of the metrics that are read, and maybe of others; made when it is asked for. */
  columns(reads: (metric: string) => boolean): readonly WindowColumn[];
  /** No push is known to be missing that could have brought samples of it. */
  readonly complete: boolean;
  /** Log time, Unix ms. */
  readonly logMs: number;
}

export interface JudgedSamples extends JudgedClient {
  /** What of a push is newer than all that came of its series before, and not late; it may be empty. Made when it is asked for. */
  block(): SampleBlock;
  readonly logMs: number;
}

/** A client, and when it was heard of last. */
export interface SeenClient extends JudgedClient {
  /** Log time of its last push, Unix ms. */
  readonly lastSeenMs: number;
}

/** What it is told, each once, never in replay. Calls are synchronous and quick. */
export interface AlertJudge {
  /** A minute of a client has closed. Once per client and minute with samples, minutes ascending. */
  closed(minute: JudgedMinute): void;
  /** Late samples changed a minute that had closed. */
  corrected(minute: JudgedMinute): void;
  /** A push brought samples; before the minutes that it closes. */
  sampled(samples: JudgedSamples): void;
  /**
   * Log time went on, by alertScanMs or more. @param resumedMs log time at which our own last outage ended: silence before it is nobody's but ours.
   * @param clients all of the partition, by clientKey: of one that is not among them any more everything is forgotten.
   * @returns whether log time has to go on although nobody pushes: something waits for it.
   */
  scanned(logMs: number, resumedMs: number, clients: ReadonlyMap<string, SeenClient>): boolean;
}

/** Its state, which goes with the checkpoint of the partition. */
export interface JudgeState {
  /** Rules changed, or a client was retired: from this record on. */
  controlled(control: AlertControl, logMs: number): void;
  /** What has been decided since the last call. */
  take(): readonly Transition[];
  /** @returns its state as bytes; empty where there is none. */
  snapshot(): Uint8Array;
  /** @throws corrupt_data | schema_newer */
  restore(state: Uint8Array): void;
}

/** One a partition. @returns undefined where nothing is judged. */
export type JudgeFactory = (partition: number) => (AlertJudge & JudgeState) | undefined;
