/** A shard that sleeps between calls: started once, asked by messages, woken by one alarm at its earliest deadline. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyRegistry, Revocation } from '../ports/key-registry.ts';
import type {
  ClientSamples,
  ClientStatus,
  ClientWindows,
  MetricReader,
  RangeQuery,
  WindowQuery,
} from '../ports/metric-reader.ts';
import type { AppendOutcome } from '../ports/push-appender.ts';
import type {
  AppendAllCall,
  AppendCall,
  ControlCall,
  Page,
  ReadCall,
  Reply,
  RevokeCall,
  TenantCall,
} from '../ports/shard-service.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { decodeRecord, type ShapeInterner } from '../protocols/log-record.ts';
import { reply } from '../protocols/shard-reply.ts';
import { EdgePlaces } from './edge-places.ts';
import { samplesPage, windowsPage } from './pages.ts';
import type { Shard } from './shard.ts';

/** The platform's alarm: one, at a time in Unix ms; kept over evictions. */
export interface Alarm {
  get(): Promise<number | null>;
  set(atMs: number): Promise<void>;
}

export interface ShardHostDependencies {
  readonly shard: Shard;
  readonly clock: Clock;
  readonly alarm: Alarm;
  readonly keys: KeyRegistry;
  readonly telemetry: Telemetry;
  readonly shapes: ShapeInterner;
  /** Tells control of this shard; called until it resolves once. Gives the keys that are revoked. */
  register(): Promise<readonly Revocation[]>;
}

export class ShardHost {
  readonly #deps: ShardHostDependencies;
  /** When the alarm that is set fires; undefined: none is. */
  #alarmMs: number | undefined;
  #registered: Promise<void> | undefined;
  readonly #places = new EdgePlaces();

  constructor(deps: ShardHostDependencies) {
    this.#deps = deps;
  }

  /** Once, before anything else: takes over what is stored, and arms what is owed. */
  async start(): Promise<void> {
    const { shard, alarm } = this.#deps;
    this.#alarmMs = (await alarm.get()) ?? undefined;
    await shard.start(false);
    // The first push may be a repeat: it is known once the log is.
    await shard.catchUp();
    await this.#arm();
  }

  async append({ record, requestsPerSecond, keyId, counts, ...place }: AppendCall): Promise<AppendOutcome> {
    const { shard, keys, telemetry, shapes } = this.#deps;
    for (const [name, by, labels] of counts) telemetry.count(name, by, labels);
    this.#register();
    if (keyId !== undefined && keys.isRevoked(keyId)) throw new MetricStreamError('unauthorized');
    const push = pushIn(record, shapes);
    const outcome = await shard.append(push, requestsPerSecond);
    if (outcome.kind === 'appended') this.#places.note(push.tenant, push.client, place);
    await this.#arm();
    return outcome;
  }

  appendAll({ calls }: AppendAllCall): Promise<readonly Reply<AppendOutcome>[]> {
    return Promise.all(calls.map((call) => reply(() => this.append(call))));
  }

  async readClients({ tenant }: TenantCall): Promise<readonly ClientStatus[]> {
    await this.#deps.shard.catchUp();
    return this.#places.withPlaces(tenant, await this.#deps.shard.reader.clients(tenant));
  }

  async readMetrics({ tenant }: TenantCall): Promise<Awaited<ReturnType<MetricReader['metrics']>>> {
    await this.#deps.shard.catchUp();
    return this.#deps.shard.reader.metrics(tenant);
  }

  async readWindows({ query }: ReadCall<WindowQuery>): Promise<Page<ClientWindows>> {
    await this.#deps.shard.catchUp();
    return windowsPage(this.#deps.shard.reader.windows(query));
  }

  async readSamples({ query }: ReadCall<RangeQuery>): Promise<Page<ClientSamples>> {
    await this.#deps.shard.catchUp();
    return samplesPage(this.#deps.shard.reader.samples(query));
  }

  async revoke({ revocation: { tenant, keyId, revokedMs, expiresMs } }: Pick<RevokeCall, 'revocation'>): Promise<null> {
    await this.#deps.keys.revoke(tenant, keyId, revokedMs, expiresMs);
    return null;
  }

  async control({ control, partitions }: Pick<ControlCall, 'control' | 'partitions'>): Promise<null> {
    await this.#deps.shard.control(control, partitions);
    await this.#arm();
    return null;
  }

  /** The alarm has fired, or cron asks: does what is due, for a bounded time, and arms. Never rejects. */
  async wake(): Promise<null> {
    const { shard, clock, alarm, telemetry } = this.#deps;
    const untilMs = clock.nowMs() + LIMITS.wakeMs;
    try {
      // One that has fired is none any more, and one that was lost is found here; one that stands need not be set and billed again.
      const setMs = await alarm.get();
      this.#alarmMs = setMs !== null && setMs > clock.nowMs() ? setMs : undefined;
      for (let round = 0; round < LIMITS.wakeRoundsMax; round++) {
        await shard.round();
        if (shard.nextDueMs() > clock.nowMs() || clock.nowMs() >= untilMs) break;
      }
    } catch (error) {
      telemetry.log('error', 'a shard could not do what was due; it will try again', { error: String(error) });
    } finally {
      await this.#arm();
    }
    return null;
  }

  /** Sets the alarm where it is not set, or would come too late. */
  async #arm(): Promise<void> {
    const { shard, alarm, clock, telemetry } = this.#deps;
    const dueMs = Math.max(shard.nextDueMs(), clock.nowMs() + LIMITS.wakeGapMs);
    // Each alarm that is set is billed as a row: one that comes a little early is left.
    if (this.#alarmMs !== undefined && this.#alarmMs <= dueMs + LIMITS.wakeGapMs) return;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#alarmMs = dueMs;
    try {
      await alarm.set(dueMs);
    } catch (error) {
      // Cron sets it again.
      this.#alarmMs = undefined;
      telemetry.log('error', 'the alarm could not be set', { error: String(error) });
    }
  }

  /** In the background: a push does not wait for control. */
  #register(): void {
    this.#registered ??= this.#deps
      .register()
      .then(async (revoked) => {
        for (const revocation of revoked) await this.revoke({ revocation });
      })
      .catch(() => {
        this.#registered = undefined;
      });
  }
}

/** @throws unavailable where a newer edge wrote what this cannot read yet: the agent sends it again, and then this is newer too. */
function pushIn(record: Uint8Array, shapes: ShapeInterner) {
  try {
    const entry = decodeRecord(record, shapes);
    if (entry.type === 'push') return entry.push;
  } catch (cause) {
    throw new MetricStreamError('unavailable', 'The shard cannot read this push yet.', { cause, retryAfterMs: LIMITS.retryMs });
  }
  throw new MetricStreamError('invalid_request', 'This record is no push.');
}
