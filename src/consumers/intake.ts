/** What a shard keeps of tenants and clients between their pushes, found with one look-up a push: rates, series, push ids in flight. */
import { LIMITS } from '../model/limits.ts';
import { clientKey, partitionOf } from '../model/partition.ts';
import type { PushId } from '../model/push.ts';
import type { Shape } from '../model/series.ts';
import { Cardinality, type CardinalityLimits, noSeries } from './cardinality.ts';
import { BucketWindow, SlidingWindow } from './sliding-window.ts';

class TenantIntake {
  readonly rate = new BucketWindow();
  readonly cardinality: Cardinality;
  readonly clients = new Map<string, ClientIntake>();
  /** Clients that hold a place among clientsPerTenantMax. */
  active = 0;

  constructor(limits: CardinalityLimits) {
    this.cardinality = new Cardinality(limits);
  }
}

export class ClientIntake {
  readonly tenant: TenantIntake;
  /** One text for all look-ups: its hash is computed once. */
  readonly key: string;
  readonly partition: number;
  readonly rate = new SlidingWindow();
  readonly series = noSeries();
  active = false;
  /** Push ids that are in the log, or on the way there, but not yet in a ledger. Few: a client waits for its answer. */
  readonly #inFlight: PushId[] = [];
  #keyBytes: Uint8Array | undefined;

  constructor(tenant: TenantIntake, key: string, partition: number) {
    this.tenant = tenant;
    this.key = key;
    this.partition = partition;
  }

  /** @returns the places in the shape that are over a limit; undefined when none is. */
  admit(shape: Shape, nowMs: number): number[] | undefined {
    return this.tenant.cardinality.admit(this.series, shape, nowMs);
  }

  isInFlight(id: PushId): boolean {
    return this.#find(id) >= 0;
  }

  /** Two repeats in flight stand there twice. */
  sent(id: PushId): void {
    this.#inFlight.push(id);
  }

  settled(id: PushId): void {
    const at = this.#find(id);
    if (at >= 0) this.#inFlight.splice(at, 1);
  }

  /** The key as Kafka's producers hash it. */
  get keyBytes(): Uint8Array {
    this.#keyBytes ??= new TextEncoder().encode(this.key);
    return this.#keyBytes;
  }

  get busy(): boolean {
    return this.#inFlight.length > 0;
  }

  #find({ boot, sequence }: PushId): number {
    const held = this.#inFlight;
    for (let i = 0; i < held.length; i++) {
      const one = held[i] as PushId;
      if (one.sequence === sequence && one.boot === boot) return i;
    }
    return -1;
  }
}

interface IntakeOptions {
  readonly limits: CardinalityLimits;
  readonly partitions: number;
  /** Whether the consumer keeps state of a client: such a client is not forgotten here. */
  keeps(client: ClientIntake): boolean;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #tenants = new Map<string, TenantIntake>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  tenant(name: string): TenantIntake {
    let tenant = this.#tenants.get(name);
    if (tenant === undefined) {
      tenant = new TenantIntake(this.#options.limits);
      this.#tenants.set(name, tenant);
    }
    return tenant;
  }

  /** A client that pushes. @returns undefined where the tenant has its most clients, and this is none of them. */
  enter(tenantName: string, name: string): ClientIntake | undefined {
    const tenant = this.tenant(tenantName);
    const known = tenant.clients.get(name);
    if (known?.active) return known;
    const room = known !== undefined || tenant.clients.size < LIMITS.clientStatesPerTenantMax;
    if (!room || tenant.active >= this.#options.limits.clientsPerTenantMax) return undefined;
    const client = known ?? this.#meet(tenant, tenantName, name);
    client.active = true;
    tenant.active += 1;
    return client;
  }

  /** A client that pushed before the start: it is known, whatever the limits are now. */
  meet(tenantName: string, name: string, active: boolean): ClientIntake {
    const tenant = this.tenant(tenantName);
    const client = tenant.clients.get(name) ?? this.#meet(tenant, tenantName, name);
    if (active && !client.active) {
      client.active = true;
      tenant.active += 1;
    }
    return client;
  }

  #meet(tenant: TenantIntake, tenantName: string, name: string): ClientIntake {
    const key = clientKey(tenantName, name);
    const client = new ClientIntake(tenant, key, partitionOf(key, this.#options.partitions));
    tenant.clients.set(name, client);
    return client;
  }

  find(tenantName: string, name: string): ClientIntake | undefined {
    return this.#tenants.get(tenantName)?.clients.get(name);
  }

  /** Gives back the places of series and clients not seen since `idleBeforeMs`, and forgets those of whom nobody knows any more. */
  sweep(idleBeforeMs: number): void {
    for (const [tenantName, tenant] of this.#tenants) {
      for (const [name, client] of tenant.clients) {
        if (!tenant.cardinality.release(client.series, idleBeforeMs)) continue;
        if (client.active) tenant.active -= 1;
        client.active = false;
        if (!client.busy && !this.#options.keeps(client)) tenant.clients.delete(name);
      }
      if (tenant.clients.size === 0) this.#tenants.delete(tenantName);
    }
  }
}
