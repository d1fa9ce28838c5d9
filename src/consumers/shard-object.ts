/** A shard as a Durable Object: a shell around ShardHost. What it is wired to stands in runtimes/cloudflare.ts. */
import { DurableObject } from 'cloudflare:workers';
import type { RangeQuery, WindowQuery } from '../ports/metric-reader.ts';
import type {
  AppendAllCall,
  AppendCall,
  ControlCall,
  Message,
  ReadCall,
  RevokeCall,
  ShardService,
  TenantCall,
  WatchCall,
} from '../ports/shard-service.ts';
import type { MetricFamily } from '../ports/telemetry.ts';
import { reply } from '../protocols/shard-reply.ts';
import type { LiveWatch } from './live-watch.ts';
import type { ShardHost } from './shard-host.ts';

/** What a shard does, wherever its log is. */
export type HostedShard = Pick<ShardHost, keyof ShardHost>;

export interface ShardParts {
  readonly host: HostedShard;
  readonly live: LiveWatch;
  families(): readonly MetricFamily[];
}

export abstract class ShardObjectBase<Env> extends DurableObject<Env> implements ShardService {
  readonly #parts: ShardParts;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#parts = this.open();
    // No call comes in before it has started; one that fails ends this life of the object, and the next call begins another.
    void ctx.blockConcurrencyWhile(() => this.#parts.host.start());
  }

  protected abstract open(): ShardParts;

  append(call: AppendCall) {
    return reply(() => this.#parts.host.append(call));
  }

  appendAll(call: AppendAllCall) {
    return reply(() => this.#parts.host.appendAll(call));
  }

  readWindows(call: ReadCall<WindowQuery>) {
    return reply(() => this.#parts.host.readWindows(call));
  }

  readSamples(call: ReadCall<RangeQuery>) {
    return reply(() => this.#parts.host.readSamples(call));
  }

  readClients(call: TenantCall) {
    return reply(() => this.#parts.host.readClients(call));
  }

  readMetrics(call: TenantCall) {
    return reply(() => this.#parts.host.readMetrics(call));
  }

  revoke(call: RevokeCall) {
    return reply(() => this.#parts.host.revoke(call));
  }

  control(call: ControlCall) {
    return reply(() => this.#parts.host.control(call));
  }

  telemetry(_call: Message) {
    return reply(async () => this.#parts.families());
  }

  wake(_call: Message) {
    return reply(() => this.#parts.host.wake());
  }

  watch(call: WatchCall) {
    return reply(async () => this.#parts.live.watch(call));
  }

  override async alarm(): Promise<void> {
    await this.#parts.host.wake();
  }
}
