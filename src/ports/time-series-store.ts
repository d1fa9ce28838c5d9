/** Where samples and windows are kept once sealed. */
import type { Series } from '../model/series.ts';
import type { Resolution } from '../model/window.ts';

/** One series of a block: the values at `rows` (indices into the block's times, ascending); undefined rows: at every time. */
export interface SampleColumn {
  readonly series: Series;
  readonly rows: Int32Array | undefined;
  /** Finite; −0 and every bit pattern survive. */
  readonly values: Float64Array;
}

/** Samples of one client. Times ascend and are distinct by (ms, ns). */
export interface SampleBlock {
  /** Unix ms, integers. */
  readonly timesMs: Float64Array;
  /** Nanoseconds within the ms, 0..999,999; undefined where all are 0. */
  readonly timesNs: Int32Array | undefined;
  readonly columns: readonly SampleColumn[];
}

/** Windows of one series, ascending by start; only windows with count > 0. All arrays are parallel. */
export interface WindowColumn {
  readonly series: Series;
  /** Unix ms of the window's start. */
  readonly starts: Float64Array;
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly increase: Float64Array;
  /** 1 when first closed; one more with each correction. */
  readonly revision: Float64Array;
}

/** A number that a window has. */
export type WindowField = Exclude<keyof WindowColumn, 'series' | 'starts'>;

/** A client, and what its last push said of where it stands: for a store that keeps that beside each point, never part of the identity. */
export interface PlacedClient {
  readonly tenant: string;
  readonly client: string;
  readonly datacenter: string | undefined;
  readonly environment: string | undefined;
}

/** Raw samples to keep. A later block may repeat samples of an earlier: of two values the greater counts. */
export interface RawWrite extends PlacedClient {
  /** With (tenant, client, first time) the identity of the block: a rewrite of the same replaces. */
  readonly sequence: number;
  /** Unix ms: samples from here on were told to the window-sink as they came. */
  readonly toldFromMs?: number;
  /** Spans less than rawBlockSpanMs. At least one sample. */
  readonly block: SampleBlock;
}

/** All windows of one client in [blockStartMs, + BLOCK_MS[resolution]); replaces what was there. */
export interface WindowWrite extends PlacedClient {
  readonly resolution: Resolution;
  readonly blockStartMs: number;
  readonly columns: readonly WindowColumn[];
}

export interface StoreBatch {
  readonly raw: readonly RawWrite[];
  readonly windows: readonly WindowWrite[];
}

/** Which series are wanted. */
export interface SeriesWant {
  (series: Series): boolean;
  /** Says that no other metric passes: a store elsewhere asks for no more. */
  readonly metric?: string | undefined;
}

export interface StoreRange {
  readonly tenant: string;
  readonly client: string;
  /** [startMs, endMs) */
  readonly startMs: number;
  readonly endMs: number;
  /** undefined: all. */
  readonly want: SeriesWant | undefined;
  /** Of windows, what will be read of them: in the arrays of other fields anything may stand. undefined: all. */
  readonly fields?: readonly WindowField[] | undefined;
}

export interface Retention {
  /** Blocks that end at or before these times, Unix ms, are dropped. */
  readonly rawBeforeMs: number;
  readonly minuteBeforeMs: number;
  readonly hourBeforeMs: number;
}

/** Whom the store knows. */
export interface StoredClients {
  /** The greatest sample time, Unix ms, kept for a client; undefined where none is. */
  lastSampleMs(tenant: string, client: string): Promise<number | undefined>;
  /**
   * The clients of a tenant of which anything is kept, samples or windows: in code-unit order, those after `after` ('': from the
   * first), at most `max`. Its work grows with the clients that it gives, not with what is kept of them.
   */
  clients(tenant: string, after: string, max: number): Promise<string[]>;
}

/** Reading and retention. Writing goes with the checkpoint: `checkpoint-store`. */
export interface TimeSeriesStore extends StoredClients {
  /** Blocks that may hold samples in the range, cut to it; they may overlap and repeat each other. Order: by first time. */
  readSamples(range: StoreRange): Promise<SampleBlock[]>;
  /** Windows whose start lies in the range, per stored block (blockStartMs ascending), cut to it. Blocks never overlap. */
  readWindows(
    range: StoreRange,
    resolution: Resolution,
  ): Promise<{ readonly blockStartMs: number; readonly columns: WindowColumn[] }[]>;
  /**
   * Drops what is past retention: walks on from where the last call ended, over a bounded stretch of clients.
   * @returns rows dropped; 0 says that this stretch had none.
   */
  retain(retention: Retention, rowsMax: number): Promise<number>;
}
