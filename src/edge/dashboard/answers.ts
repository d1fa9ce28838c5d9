/** What the query API answers to the page: the shapes it relies on, in the names of the wire. */

export type Labels = Readonly<Record<string, string>>;

export interface ClientAnswer {
  readonly client_id: string;
  /** Unix ms, server time. */
  readonly last_seen: number;
  readonly skew_ms?: number | null;
  readonly datacenter?: string | null;
  readonly environment?: string | null;
  readonly pushes: {
    readonly expected: number;
    readonly received: number;
    readonly duplicate: number;
    readonly late: number;
  };
  readonly samples: {
    readonly stored: number;
    readonly duplicate: number;
    readonly conflict: number;
    readonly rejected: Readonly<Record<string, number>>;
  };
}

/** One series of windows; place i starts at start + i * step. null: no window there. */
export interface ColumnAnswer {
  readonly client_id: string;
  readonly metric: string;
  readonly labels: Labels;
  readonly unit: string;
  readonly avg: readonly (number | null)[];
  readonly min: readonly (number | null)[];
  readonly max: readonly (number | null)[];
}

export interface ColumnsAnswer {
  /** Unix ms of the first place; distance of two places, ms. */
  readonly start: number;
  readonly step: number;
  readonly series: readonly ColumnAnswer[];
}

export interface SampleAnswer {
  readonly client_id: string;
  readonly metric: string;
  readonly labels: Labels;
  readonly unit: string;
  /** Unix ms, or a decimal string of Unix ns where the sample has a finer time. */
  readonly timestamp: number | string;
  readonly value: number;
}

/** The newest values of one client: `keys` and `values` run in parallel. */
export interface LiveAnswer {
  readonly client_id: string;
  readonly sample_ms: number;
  readonly seen_ms: number;
  readonly keys: readonly string[];
  readonly values: readonly number[];
}
