/** Pages that listen to control over WebSockets: who is told what, who may go on, and what shards know of it. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyRegistry } from '../ports/key-registry.ts';
import type { LiveClient, LiveListener } from '../ports/live-feed.ts';
import type { LiveCall, ShardKeeper, WatchCall } from '../ports/shard-service.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { LIVE_BEGINS, liveEncoder } from '../protocols/live-message.ts';
import { CALL_VERSION, received } from '../protocols/shard-reply.ts';
import type { Alarm } from './shard-host.ts';

/** A WebSocket that may outlive the object around it. */
export interface LiveSocket {
  /** The same for the same socket, for one life of the object. */
  readonly key: object;
  readonly listener: LiveListener;
  readonly openedMs: number;
  /** When the page last gave a sign, Unix ms. */
  readonly answeredMs: number | undefined;
  send(message: string): void;
  close(code: number, reason: string): void;
}

export interface LiveControlDependencies {
  readonly clock: Clock;
  readonly keys: Pick<KeyRegistry, 'isRevoked'>;
  readonly telemetry: Telemetry;
  readonly alarm: Alarm;
  /** Those that are open. @param tag one of tagsOf; left out: all. */
  sockets(tag?: string): readonly LiveSocket[];
  /** Every shard that there is, by name. */
  shards(): readonly string[];
  shard(name: string): Pick<ShardKeeper, 'watch'>;
}

/** RFC 6455, 7.4.1: what was agreed no longer holds; and its registry: try again later. */
const POLICY = 1008;
const TRY_AGAIN = 1013;

const tenantTag = (tenant: string): string => `tenant ${tenant}`;
/** Of a key or a session. */
const idTag = (id: string): string => `id ${id}`;

/** By which the sockets of a tenant, key or session are found. */
export function tagsOf({ tenant, keyId, sessionId }: LiveListener): string[] {
  return [tenantTag(tenant), idTag(keyId), ...(sessionId === undefined ? [] : [idTag(sessionId)])];
}

export class LiveControl {
  readonly #deps: LiveControlDependencies;
  /** What a page was sent and has not answered; a hibernation, which needs silence, forgets it. */
  readonly #behind = new WeakMap<object, { bytes: number; sinceMs: number }>();
  /** Shards are told one thing after the other: the last word has to be the newest. */
  #telling: Promise<void> = Promise.resolve();
  /** Those who wait for their handshake. */
  readonly #opening = new Set<LiveListener>();
  #told = { watched: '', ms: 0 };

  constructor(deps: LiveControlDependencies) {
    this.#deps = deps;
  }

  /**
   * The feed begins when the shards know of it: nothing that changes after its first message is missed.
   * @param accept takes the handshake. @throws unauthorized | overloaded, where one more is not let in.
   */
  async open(listener: LiveListener, accept: (openedMs: number) => LiveSocket): Promise<void> {
    if (!this.#holds(listener)) throw new MetricStreamError('unauthorized');
    if (this.#deps.sockets().length + this.#opening.size >= LIMITS.liveClientsMax)
      throw new MetricStreamError('overloaded', 'Too many pages listen.', { retryAfterMs: LIMITS.liveHeartbeatMs });
    this.#opening.add(listener);
    try {
      await this.#tellShards();
    } finally {
      this.#opening.delete(listener);
    }
    this.#send(accept(this.#deps.clock.nowMs()), LIVE_BEGINS);
    if ((await this.#deps.alarm.get()) === null) await this.#arm();
  }

  /** @param key of one that has closed. */
  async closed(key: object): Promise<void> {
    if (this.#listeners(key).length === 0) await this.#tellShards(key);
  }

  /** @returns how many listen to the tenant. */
  changed({ tenant, clients }: Pick<LiveCall, 'tenant' | 'clients'>): number {
    const encoders = new Map<string, ReturnType<typeof liveEncoder>>();
    let listening = [...this.#opening].filter((one) => one.tenant === tenant).length;
    for (const socket of this.#deps.sockets(tenantTag(tenant))) {
      const { client, metrics } = socket.listener;
      if (!this.#check(socket)) continue;
      listening += 1;
      const own = client === undefined ? clients : clients.filter((one: LiveClient) => one.client === client);
      if (own.length === 0) continue;
      const filter = JSON.stringify(metrics ?? null);
      const encode = encoders.get(filter) ?? liveEncoder(metrics);
      encoders.set(filter, encode);
      this.#send(socket, encode(own));
    }
    return listening;
  }

  /** Its revocation is known: whoever listens with this key or session is let go. */
  revoked(id: string): void {
    for (const socket of this.#deps.sockets(idTag(id))) socket.close(POLICY, 'revoked');
  }

  /** A shard that starts knows nothing of a watch. */
  async started(shard: string): Promise<void> {
    if (this.#listeners().length > 0) await this.#tell([shard], this.#watched());
  }

  /** The alarm has fired: the watch is renewed while somebody listens. @throws what the storage throws: the platform fires it again. */
  async wake(): Promise<void> {
    const left = this.#deps.sockets().filter((socket) => this.#check(socket));
    if (left.length === 0) return;
    await this.#tellShards();
    await this.#arm();
  }

  /** @returns whether the socket may stay; closes it where its grant is over or nobody is there. */
  #check(socket: LiveSocket): boolean {
    if (!this.#holds(socket.listener)) {
      socket.close(POLICY, 'the key or session no longer holds');
      return false;
    }
    const heardMs = Math.max(socket.openedMs, socket.answeredMs ?? 0);
    if (this.#deps.clock.nowMs() - heardMs <= LIMITS.objectLiveSilenceMs) return true;
    socket.close(POLICY, 'no sign of life');
    return false;
  }

  #holds({ keyId, sessionId, expiresMs }: LiveListener): boolean {
    const { keys, clock } = this.#deps;
    if (expiresMs !== undefined && clock.nowMs() >= expiresMs) return false;
    return !keys.isRevoked(keyId) && (sessionId === undefined || !keys.isRevoked(sessionId));
  }

  /** A page that does not answer is behind by all that it was sent since; beyond the bound it has to begin again. */
  #send(socket: LiveSocket, message: string): void {
    const nowMs = this.#deps.clock.nowMs();
    const known = this.#behind.get(socket.key);
    const answered = known === undefined || (socket.answeredMs ?? 0) >= known.sinceMs;
    const behind = answered ? { bytes: 0, sinceMs: nowMs } : known;
    behind.bytes += message.length;
    this.#behind.set(socket.key, behind);
    if (behind.bytes > LIMITS.liveQueueBytesMax) socket.close(TRY_AGAIN, 'too far behind');
    else socket.send(message);
  }

  async #arm(): Promise<void> {
    const { alarm, clock, telemetry } = this.#deps;
    try {
      await alarm.set(clock.nowMs() + LIMITS.objectLiveWatchMs / 2);
    } catch (error) {
      // The next page that opens sets it.
      telemetry.log('error', 'the alarm of the live feed could not be set', { error: String(error) });
    }
  }

  #listeners(closed?: object): LiveListener[] {
    const open = this.#deps.sockets().filter(({ key }) => key !== closed);
    return [...open.map(({ listener }) => listener), ...this.#opening];
  }

  /** Sorted, so that the same is the same. */
  #watched(closed?: object): WatchCall['watched'] {
    const all = this.#listeners(closed);
    const watched = new Map(all.map(({ tenant, client }) => [`${tenant} ${client ?? ''}`, { tenant, client }]));
    return [...watched].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  }

  #tellShards(closed?: object): Promise<void> {
    const tell = async (): Promise<void> => {
      const nowMs = this.#deps.clock.nowMs();
      const watched = this.#watched(closed);
      const text = JSON.stringify(watched);
      const isFresh = nowMs - this.#told.ms < LIMITS.objectLiveWatchMs / 4;
      if (text === this.#told.watched && isFresh) return;
      const failed = await this.#tell(this.#deps.shards(), watched);
      this.#told = failed === 0 ? { watched: text, ms: nowMs } : { watched: '', ms: 0 };
    };
    // One that failed is told to who asked for it, not to all that come after.
    this.#telling = this.#telling.then(tell, tell);
    return this.#telling;
  }

  /** @returns how many shards could not be told; the alarm tells them again. */
  async #tell(names: readonly string[], watched: WatchCall['watched']): Promise<number> {
    const { shard, telemetry } = this.#deps;
    const call = { version: CALL_VERSION, watched, forMs: watched.length === 0 ? 0 : LIMITS.objectLiveWatchMs };
    const told = await Promise.allSettled(names.map(async (name) => received(await shard(name).watch(call))));
    const failed = told.filter(({ status }) => status === 'rejected').length;
    if (failed > 0) telemetry.log('warn', 'shards were not told who watches', { shards: failed });
    return failed;
  }
}
