/** What edges, shards and control say to each other where they are apart: plain data that structured clone carries. */
import type { AlertControl } from '../model/alert.ts';
import type { ErrorCode } from '../model/errors.ts';
import type { EnrichmentTable } from './enrichment-registry.ts';
import type { Revocation } from './key-registry.ts';
import type { LiveClient } from './live-feed.ts';
import type { ClientSamples, ClientStatus, ClientWindows, MetricReader, RangeQuery, WindowQuery } from './metric-reader.ts';
import type { AppendOutcome, EdgePlace } from './push-appender.ts';
import type { MetricFamily, TelemetryLabels } from './telemetry.ts';

/**
 * For minutes after a deploy the new edge meets the old shard, and the reverse. So each message names the version that wrote it;
 * who reads it ignores members that it does not know, and takes those that only a later version has for optional.
 */
export interface Message {
  readonly version: number;
}

/** What went wrong travels as data: an exception loses its class on the way. */
export type Reply<T> = Message &
  (
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly code: ErrorCode; readonly message: string; readonly retryAfterMs: number | undefined }
  );

/** What an edge counted and no shard knows yet. */
export type EdgeCount = readonly [name: string, by: number, labels: TelemetryLabels | undefined];

export interface AppendCall extends Message, EdgePlace {
  /** protocols/log-record.ts */
  readonly record: Uint8Array;
  readonly requestsPerSecond: number;
  /** The key that the push came with: a shard refuses a revoked one, whatever the edge knows. */
  readonly keyId: string | undefined;
  readonly counts: readonly EdgeCount[];
}

/** Of any clients of one shard. */
export interface AppendAllCall extends Message {
  readonly calls: readonly AppendCall[];
}

export interface ReadCall<Q extends RangeQuery> extends Message {
  readonly query: Q;
}

export interface TenantCall extends Message {
  readonly tenant: string;
}

/** A bounded number of clients, whole; `more`: the next page goes on after the last of them. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

export interface RevokeCall extends Message {
  readonly revocation: Revocation;
}

/** Rules change, or a client is retired. */
export interface ControlCall extends Message {
  readonly control: AlertControl;
  /** The partitions of the shard that are to know. */
  readonly partitions: readonly number[];
}

export interface EnrichmentsCall extends Message {
  readonly sinceVersion: number;
  /** Put in place first, if it names the newest version. */
  readonly replacing?: EnrichmentTable | undefined;
}

export interface EnrichmentsAnswer {
  /** Whether it was; false, too, where there was nothing to replace. */
  readonly replaced: boolean;
  /** Those that have a higher version; control counts the versions of all tenants together. */
  readonly tables: readonly EnrichmentTable[];
}

/** Someone watches: which clients of which tenants, and for how long a shard may take that for true. */
export interface WatchCall extends Message {
  /** `client` left out: all of the tenant. */
  readonly watched: readonly { readonly tenant: string; readonly client?: string | undefined }[];
  /** A duration, since clocks of objects differ; 0: nobody watches any more. */
  readonly forMs: number;
}

/** What changed of one tenant since the last call. */
export interface LiveCall extends Message {
  readonly tenant: string;
  /** At most objectLiveClientsMax. */
  readonly clients: readonly LiveClient[];
}

/** Where a push goes. */
export interface ShardWriter {
  /** As PushAppender.append; a revoked key is `unauthorized`, a record that this version cannot read `unavailable`. */
  append(call: AppendCall): Promise<Reply<AppendOutcome>>;
  /** Each as by `append`, in their order. @returns the reply to each. */
  appendAll(call: AppendAllCall): Promise<Reply<readonly Reply<AppendOutcome>[]>>;
}

/** What one shard holds, as MetricReader tells it. Every push that was answered before is in it. */
export interface ShardReader {
  /** Clients in the order of their names, from query.after on. */
  readWindows(call: ReadCall<WindowQuery>): Promise<Reply<Page<ClientWindows>>>;
  /** The same of samples. */
  readSamples(call: ReadCall<RangeQuery>): Promise<Reply<Page<ClientSamples>>>;
  /** Sorted by client. */
  readClients(call: TenantCall): Promise<Reply<readonly ClientStatus[]>>;
  /** Sorted by name; clients are counted within the shard. */
  readMetrics(call: TenantCall): Promise<Reply<Awaited<ReturnType<MetricReader['metrics']>>>>;
}

/** What control asks of a shard. */
export interface ShardKeeper {
  /** The key is refused from here on, also after a restart. Repeating it is harmless. */
  revoke(call: RevokeCall): Promise<Reply<null>>;
  /** What this life of the shard has counted. */
  telemetry(call: Message): Promise<Reply<readonly MetricFamily[]>>;
  /** Does what is due, for at most wakeMs, and sees to it that the alarm is set. */
  wake(call: Message): Promise<Reply<null>>;
  /** From here on, and until `forMs` are over, control is told of changes; it takes the place of the watch before. */
  watch(call: WatchCall): Promise<Reply<null>>;
}

/** What alerting asks of a shard. */
export interface ShardRuled {
  /** Written into its log, for these partitions, when it resolves. Repeating it is harmless. */
  control(call: ControlCall): Promise<Reply<null>>;
}

/** A shard, from afar: calls settle, or throw what the platform throws. */
export interface ShardService extends ShardWriter, ShardReader, ShardKeeper, ShardRuled {}

/** What shards tell the pages. */
export interface LiveSink {
  /** Passed on to those who listen; a call that is lost is not made again. @returns how many listen to the tenant: at 0 a shard stops. */
  liveChanged(call: LiveCall): Promise<Reply<number>>;
}

/** What edges ask of the tables of enrichments, which control keeps. */
export interface EnrichmentKeeper {
  /** As EnrichmentRegistry.replace, and then as EnrichmentJournal.since. */
  enrichments(call: EnrichmentsCall): Promise<Reply<EnrichmentsAnswer>>;
}

/** The one object that knows all shards, and that the pages listen to. */
export interface ControlService extends LiveSink, EnrichmentKeeper {
  /** A shard that a push has reached for the first time: cron wakes it from now on. @returns the keys that are revoked. */
  register(call: Message & { readonly shard: string }): Promise<Reply<readonly Revocation[]>>;
  /** Durable, and told to every registered shard, when it resolves. */
  revoke(call: RevokeCall): Promise<Reply<null>>;
  /** What was revoked since a time, by control's clock, Unix ms. */
  revokedSince(call: Message & { readonly sinceMs: number }): Promise<Reply<readonly Revocation[]>>;
  /** Cron: wakes every registered shard. */
  wakeAll(call: Message): Promise<Reply<null>>;
}
