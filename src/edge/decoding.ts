/** What decoding a push needs to know of time and of earlier pushes. */

import type { Principal } from '../model/access.ts';
import { LIMITS } from '../model/limits.ts';
import type { Labels, Series, Shape } from '../model/series.ts';
import type { EnrichmentRegistry } from '../ports/enrichment-registry.ts';
import type { DecodedPush, PushContext } from '../protocols/json.ts';
import { BodyTemplates } from '../protocols/json-template.ts';
import { type ShapeInterner, shapeInterner } from '../protocols/log-record.ts';
import type { Timestamp } from '../protocols/timestamp.ts';
import type { Receiver } from './receivers.ts';
import { taggedKey } from './tagging.ts';

/** Of a millisecond. */
const LAST_NS = 999_999;

/**
 * One per process. It is the context of the push that is being decoded; decoding is synchronous, so that it can be
 * reused instead of made anew for each push.
 */
export class Decoding implements PushContext {
  readonly shapes: ShapeInterner = shapeInterner();
  readonly templates = new BodyTemplates();
  readonly sampleAgeMsMax: number;
  nowMs = 0;
  #tenant = '';
  #client: string | undefined;
  #keyTags: Labels | undefined;
  #hinted: Shape | undefined;
  /** By tenant and client. A hint never keeps a shape alive: the interner bounds them. */
  readonly #hints = new Map<string, Map<string, WeakRef<Shape>>>();
  #stampMs = 0;
  #stampNs = 0;
  readonly #enrichments: Pick<EnrichmentRegistry, 'find'>;

  constructor(sampleAgeMsMax: number, enrichments: Pick<EnrichmentRegistry, 'find'>) {
    this.sampleAgeMsMax = sampleAgeMsMax;
    this.#enrichments = enrichments;
  }

  /** @param client what the key or the header said; the body comes first. */
  decode(receiver: Receiver, body: Uint8Array, principal: Principal, client: string | undefined, nowMs: number): DecodedPush {
    this.nowMs = nowMs;
    this.#tenant = principal.tenant;
    this.#keyTags = principal.tags;
    this.#client = client;
    this.#hinted = undefined;
    return receiver.decode(body, this);
  }

  hint(clientId: string | undefined): Shape | undefined {
    this.#client = clientId ?? this.#client;
    if (this.#client !== undefined) this.#hinted = this.#hints.get(this.#tenant)?.get(this.#client)?.deref();
    return this.#hinted;
  }

  keyOf(series: Series): string {
    const table = this.#client === undefined ? undefined : this.#enrichments.find(this.#tenant, this.#client)?.tags;
    const key = this.#keyTags;
    return table === undefined && key === undefined ? series.key : taggedKey(series, { table, key });
  }

  /** Remembers the shape of an accepted push. To be called before the next `decode`. */
  learn(tenant: string, client: string, shape: Shape): void {
    if (shape === this.#hinted) return;
    const clients = this.#hints.get(tenant) ?? new Map<string, WeakRef<Shape>>();
    if (clients.size >= LIMITS.clientsPerTenantMax) clients.delete(clients.keys().next().value ?? '');
    this.#hints.set(tenant, clients.set(client, new WeakRef(shape)));
  }

  stamp(): Timestamp {
    if (this.nowMs > this.#stampMs) {
      this.#stampMs = this.nowMs;
      this.#stampNs = 0;
    } else if (this.#stampNs < LAST_NS) {
      this.#stampNs += 1;
    } else {
      this.#stampMs += 1;
      this.#stampNs = 0;
    }
    return { ms: this.#stampMs, ns: this.#stampNs };
  }
}
