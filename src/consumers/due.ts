/** Which clients are to be sealed: by the age of their heads, sooner where memory fills up. */
import { LIMITS } from '../model/limits.ts';
import type { ClientState } from './client-state.ts';
import type { Pipeline } from './pipeline.ts';
import { owesSeal } from './seal.ts';

/** How old a head may get: the full interval while there is room, nothing when memory is at its bound. */
export function sealAgeMs(pressure: number): number {
  return LIMITS.sealIntervalMs * Math.min(1, Math.max(0, (1 - pressure) * 3));
}

export function dueClients(pipeline: Pipeline, sealAge: number): ClientState[] {
  const due: ClientState[] = [];
  for (const client of pipeline.clients.values()) {
    const old = pipeline.logMs - client.sealedAtMs >= sealAge || client.head.bytes > LIMITS.clientHeadBytesMax;
    if (old && owesSeal(client)) due.push(client);
  }
  // The oldest last, since they are taken from the end.
  return due.sort((a, b) => b.sealedAtMs - a.sealedAtMs);
}
