/** Consumes the partitions that the group gives this process: takes them over, gives them up, and reads what they and those of others hold. */
import { type ErrorCode, MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { partitionOf } from '../model/partition.ts';
import type { CheckpointLog } from '../ports/checkpoint-log.ts';
import type { MetricReader } from '../ports/metric-reader.ts';
import type { PartitionGroup } from '../ports/partition-group.ts';
import { clientsElsewhere } from './clients-elsewhere.ts';
import { knownClients } from './known-clients.ts';
import { type LiveHub, liveHub } from './live.ts';
import { OwnedPartition, type OwnedPartitionDependencies } from './owned-partition.ts';
import type { Pipeline } from './pipeline.ts';
import { metricReader } from './reader.ts';

export interface PartitionOwnerDependencies extends Omit<OwnedPartitionDependencies, 'seen' | 'headBytesMax' | 'mayWrite'> {
  readonly group: PartitionGroup;
  readonly partitions: number;
  /** Whether it will join the group: one that does not reads what others wrote, and owns nothing. */
  readonly consumes: boolean;
  /** The same as `checkpoints`, for reading those of others: what it remembers of them is not mixed with what it saves. */
  readonly checkpointsElsewhere: Pick<CheckpointLog, 'load'>;
  /** Of all partitions together. */
  readonly headBytesMax: number;
}

export class PartitionOwner {
  readonly live: LiveHub;
  readonly reader: MetricReader;
  readonly #deps: PartitionOwnerDependencies;
  readonly #owned = new Map<number, OwnedPartition>();
  /** Changes of what is owned, one after the other. */
  #changing: Promise<void> = Promise.resolve();
  #wanted: readonly number[] = [];
  #joined = false;
  #stopped = false;

  constructor(deps: PartitionOwnerDependencies) {
    this.#deps = { ...deps, store: knownClients(deps.store, deps.clock) };
    this.live = liveHub(deps.clock, deps.pace.liveMs);
    this.reader = metricReader({
      clock: deps.clock,
      store: deps.store,
      pipelines: () => this.#pipelines(),
      readsAhead: LIMITS.readsAheadMax,
      allHere: () => this.#owned.size === deps.partitions,
      pipelineOf: (key) => this.#owned.get(partitionOf(key, deps.partitions))?.pipeline,
      elsewhere: clientsElsewhere({
        ...deps,
        checkpoints: deps.checkpointsElsewhere,
        isHere: (partition) => this.#owned.has(partition),
      }),
      replayed: () => !deps.consumes || (this.#joined && this.#replayed()),
    });
    const { telemetry } = deps;
    telemetry.gauge('metricstream_consumer_lag_records', () => this.#sum(({ lag }) => lag));
    telemetry.gauge('metricstream_head_bytes', () => this.#sum(({ pipeline }) => pipeline.headBytes()));
    telemetry.gauge('metricstream_clients', () => this.#sum(({ pipeline }) => pipeline.clients.size));
    telemetry.gauge('metricstream_store_points_waiting', () => this.#sum(({ waitingPoints }) => waitingPoints));
    telemetry.gauge('metricstream_partitions_owned', () => this.#owned.size);
  }

  start(): Promise<void> {
    return this.#deps.group.join((partitions, generation) => {
      this.#wanted = partitions;
      this.#joined = true;
      this.#changing = this.#changing.then(() => this.#follow(generation));
    });
  }

  ready(): { ready: boolean; reason?: string } {
    if (!this.#joined) return { ready: false, reason: 'joining the group' };
    for (const [partition, { failed }] of this.#owned)
      if (failed !== undefined) return { ready: false, reason: `partition ${partition} fails: ${codeOf(failed)}` };
    const lag = this.#sum((one) => one.lag);
    const behind = !this.#replayed() || lag > LIMITS.readyLagRecordsMax;
    return behind ? { ready: false, reason: `catching up: ${lag} records` } : { ready: true };
  }

  #replayed(): boolean {
    return this.#wanted.every((partition) => this.#owned.get(partition)?.replayed);
  }

  #pipelines(): Pipeline[] {
    return [...this.#owned.values()].map(({ pipeline }) => pipeline);
  }

  #sum(of: (owned: OwnedPartition) => number): number {
    let sum = 0;
    for (const owned of this.#owned.values()) sum += of(owned);
    return sum;
  }

  /** Gives up what is another's now, without a word: it may write already. Then takes over what is new. */
  async #follow(generation: number): Promise<void> {
    const wanted = this.#stopped ? [] : this.#wanted;
    for (const [partition, owned] of this.#owned) {
      if (wanted.includes(partition)) continue;
      this.#owned.delete(partition);
      await owned.stop(false);
    }
    await Promise.all(
      wanted.filter((partition) => !this.#owned.has(partition)).map((partition) => this.#takeOver(partition, generation)),
    );
  }

  async #takeOver(partition: number, generation: number): Promise<void> {
    const { clock, telemetry, headBytesMax, partitions, group } = this.#deps;
    while (!this.#stopped && this.#wanted.includes(partition)) {
      const owned = new OwnedPartition(partition, generation, {
        ...this.#deps,
        headBytesMax: headBytesMax / partitions,
        mayWrite: () => group.holds(),
        seen: (client, push) => this.live.seen(client, push),
      });
      try {
        await owned.start();
        this.#owned.set(partition, owned);
        clock.schedule(group.takeoverMs, () => {
          if (this.#owned.get(partition) === owned) owned.retell();
        });
        return;
      } catch (error) {
        await owned.stop(false);
        telemetry.log('error', 'a partition cannot be taken over yet; it is tried again', { partition, error: String(error) });
        await new Promise<void>((resolve) => void clock.schedule(LIMITS.retryMs, resolve));
      }
    }
  }

  /** Saves what is owned, then lets the others have it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#changing;
    const { group } = this.#deps;
    await Promise.all([...this.#owned.values()].map((owned) => owned.stop(group.holds())));
    this.#owned.clear();
    await group.leave();
  }
}

/** What an operator can act on: `misconfigured` does not pass by itself. Texts may name buckets and hosts, and /ready is for everybody. */
function codeOf(failed: unknown): ErrorCode {
  return failed instanceof MetricStreamError ? failed.code : 'internal';
}
