/** The clients of partitions that other processes own, as their last checkpoints tell of them. */
import { LIMITS } from '../model/limits.ts';
import type { CheckpointLog } from '../ports/checkpoint-log.ts';
import type { Clock } from '../ports/clock.ts';
import { decodeCheckpoint } from './checkpoint.ts';
import type { ClientState } from './client-state.ts';

export interface ClientsElsewhereDependencies {
  readonly clock: Clock;
  /** Read and never saved to. */
  readonly checkpoints: Pick<CheckpointLog, 'load'>;
  readonly partitions: number;
  /** Whether this process knows the clients of a partition better. */
  isHere(partition: number): boolean;
}

interface Loaded {
  readonly clients: Promise<readonly ClientState[]>;
  readonly loadedMs: number;
}

/**
 * What a checkpoint says may be checkpointIntervalMs old, and is read again after elsewhereAgeMs.
 * @returns the clients of a tenant; it throws what reading any of the partitions threw: a part would pass for all of them.
 */
export function clientsElsewhere(deps: ClientsElsewhereDependencies): (tenant: string) => Promise<ClientState[]> {
  const { clock, checkpoints, partitions, isHere } = deps;
  const held = new Map<number, Loaded>();
  const load = async (partition: number): Promise<readonly ClientState[]> => {
    const saved = await checkpoints.load(partition);
    return saved === undefined ? [] : decodeCheckpoint(saved.checkpoint.state).clients;
  };
  const clientsOf = (partition: number): Promise<readonly ClientState[]> => {
    const known = held.get(partition);
    if (known !== undefined && Math.abs(clock.nowMs() - known.loadedMs) < LIMITS.elsewhereAgeMs) return known.clients;
    const loaded = { clients: load(partition), loadedMs: clock.nowMs() };
    held.set(partition, loaded);
    loaded.clients.catch(() => {
      if (held.get(partition) === loaded) held.delete(partition);
    });
    return loaded.clients;
  };
  return async (tenant) => {
    for (const partition of held.keys()) if (isHere(partition)) held.delete(partition);
    const others = Array.from({ length: partitions }, (_, partition) => partition).filter((partition) => !isHere(partition));
    const all = await Promise.all(others.map(clientsOf));
    return all.flat().filter((client) => client.tenant === tenant);
  };
}
