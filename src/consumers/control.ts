/** What only one place can know: which shards there are, which keys are revoked, and what is added to pushes. */
import { LIMITS } from '../model/limits.ts';
import { MINUTE_MS } from '../model/window.ts';
import type { Clock } from '../ports/clock.ts';
import type { EnrichmentJournal, EnrichmentRegistry } from '../ports/enrichment-registry.ts';
import type { KeyRegistry, Revocation } from '../ports/key-registry.ts';
import type { ShardRegistry } from '../ports/shard-registry.ts';
import type { EnrichmentsAnswer, EnrichmentsCall, ShardKeeper } from '../ports/shard-service.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { CALL_VERSION, received } from '../protocols/shard-reply.ts';
import type { LiveControl } from './live-control.ts';

export interface ControlDependencies {
  readonly clock: Clock;
  readonly keys: KeyRegistry;
  readonly enrichments: Pick<EnrichmentRegistry, 'replace'> & EnrichmentJournal;
  readonly registry: ShardRegistry;
  readonly telemetry: Telemetry;
  readonly live: Pick<LiveControl, 'revoked' | 'started'>;
  shard(name: string): ShardKeeper;
}

export class Control {
  readonly #deps: ControlDependencies;

  constructor(deps: ControlDependencies) {
    this.#deps = deps;
  }

  /** A shard starts: it is woken from now on. @returns what it has to refuse. */
  register(shard: string): Promise<readonly Revocation[]> {
    this.#deps.registry.add(shard);
    void this.#deps.live.started(shard);
    return this.#deps.keys.revokedSince(0);
  }

  /** Durable here first; then its pages are let go, and every shard is told. What one that cannot be reached lets in, the edges know within revocationRefreshMs. */
  async revoke({ tenant, keyId, expiresMs }: Revocation): Promise<null> {
    const { clock, keys, live } = this.#deps;
    const revokedMs = clock.nowMs();
    await keys.revoke(tenant, keyId, revokedMs, expiresMs);
    live.revoked(keyId);
    const call = { version: CALL_VERSION, revocation: { tenant, keyId, revokedMs, expiresMs } };
    return this.#each('shards were not told of a revocation', async (shard) => received(await shard.revoke(call)));
  }

  revokedSince(sinceMs: number): Promise<readonly Revocation[]> {
    // Two revocations in one ms, or a clock that was set back a little, are told twice rather than never.
    return this.#deps.keys.revokedSince(sinceMs - LIMITS.revocationOverlapMs);
  }

  async enrichments({ sinceVersion, replacing }: Omit<EnrichmentsCall, 'version'>): Promise<EnrichmentsAnswer> {
    const { enrichments } = this.#deps;
    const replaced = replacing !== undefined && (await enrichments.replace(replacing)) !== undefined;
    return { replaced, tables: enrichments.since(sinceVersion) };
  }

  /**
   * Cron, each minute: shards do what they owe, and set their alarms where they are missing. Where there are more than one run may
   * call, they take turns: a few minutes later each has been woken.
   */
  wakeAll(): Promise<null> {
    const names = this.#deps.registry.names();
    const turns = Math.ceil(names.length / LIMITS.cronShardsMax);
    const turn = Math.floor(this.#deps.clock.nowMs() / MINUTE_MS) % turns;
    const own = names.filter((_, place) => place % turns === turn);
    return this.#each('shards could not be woken', async (shard) => received(await shard.wake({ version: CALL_VERSION })), own);
  }

  async #each(
    failure: string,
    ask: (shard: ReturnType<ControlDependencies['shard']>) => Promise<null>,
    names = this.#deps.registry.names(),
  ): Promise<null> {
    const { shard, telemetry } = this.#deps;
    const asked = await Promise.allSettled(names.map((name) => ask(shard(name))));
    const failed = asked.filter(({ status }) => status === 'rejected').length;
    if (failed > 0) telemetry.log('warn', failure, { shards: failed });
    return null;
  }
}
