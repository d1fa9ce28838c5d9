/** What people and panels read: the store merged with what is still in memory. */
import type { Series } from '../model/series.ts';
import type { Resolution } from '../model/window.ts';
import type { EdgePlace } from './push-appender.ts';
import type { SampleBlock, WindowColumn, WindowField } from './time-series-store.ts';

export interface SeriesFilter {
  readonly tenant: string;
  /** undefined: every client of the tenant, also those of which only stored data are left. */
  readonly client: string | undefined;
  /** Only clients whose name comes after this one: to go on where an earlier read ended. */
  readonly after?: string | undefined;
  readonly metric: string | undefined;
  /** Labels that have to be there with these values. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface RangeQuery extends SeriesFilter {
  /** [startMs, endMs), Unix ms. */
  readonly startMs: number;
  readonly endMs: number;
}

export interface WindowQuery extends RangeQuery {
  readonly resolution: Resolution;
  /** Also windows that have not closed. */
  readonly open: boolean;
  /** As of a `StoreRange`. */
  readonly fields?: readonly WindowField[] | undefined;
}

export interface ClientWindows {
  readonly client: string;
  /** Windows that start at or after this, Unix ms, are open; Infinity where only closed ones were asked for. */
  readonly openFromMs: number;
  readonly columns: readonly WindowColumn[];
}

export interface ClientSamples {
  readonly client: string;
  /** Merged: every (series, time) once. Only times in the range. */
  readonly block: SampleBlock;
}

export interface ClientStatus {
  readonly client: string;
  /** Log time of the last push, Unix ms. */
  readonly lastSeenMs: number;
  /** Arrival less send time of the last push that named one, ms; undefined: never named. */
  readonly skewMs: number | undefined;
  readonly datacenter: string | undefined;
  readonly environment: string | undefined;
  /** Where the last push came in, on a host that knows; forgotten over a restart until the next push. */
  readonly edge?: EdgePlace | undefined;
  readonly pushes: {
    readonly expected: number;
    readonly received: number;
    readonly duplicate: number;
    readonly late: number;
    readonly conflict: number;
  };
  readonly samples: {
    readonly stored: number;
    readonly duplicate: number;
    readonly conflict: number;
    readonly rejected: Readonly<Record<string, number>>;
  };
}

/** All methods throw `unavailable` while the server reads its log after a start: a minute would look partial. */
export interface MetricReader {
  /** Sorted by client_id. */
  clients(tenant: string): Promise<ClientStatus[]>;
  /** The series seen lately, distinct by key across clients, with how many clients have each metric name. */
  metrics(tenant: string): Promise<
    {
      readonly name: string;
      readonly unit: string;
      readonly kind: string;
      readonly clients: number;
      readonly series: readonly Series[];
    }[]
  >;
  /** Client by client, sorted; the caller may stop early. Lets requests in between clients. */
  windows(query: WindowQuery): AsyncIterable<ClientWindows>;
  /** Samples client by client, as `windows`; each (series, time) once, store and memory merged. */
  samples(query: RangeQuery): AsyncIterable<ClientSamples>;
}
