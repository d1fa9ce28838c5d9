/** Control as a Durable Object: a shell around Control. What it is wired to stands in runtimes/cloudflare.ts. */
import { DurableObject } from 'cloudflare:workers';
import type { ControlService, Message, RevokeCall } from '../ports/shard-service.ts';
import { reply } from '../protocols/shard-reply.ts';
import type { Control } from './control.ts';

export abstract class ControlObjectBase<Env> extends DurableObject<Env> implements ControlService {
  readonly #control: Control;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#control = this.open();
  }

  protected abstract open(): Control;

  register({ shard }: Message & { readonly shard: string }) {
    return reply(() => this.#control.register(shard));
  }

  revoke({ revocation }: RevokeCall) {
    return reply(() => this.#control.revoke(revocation));
  }

  revokedSince({ sinceMs }: Message & { readonly sinceMs: number }) {
    return reply(() => this.#control.revokedSince(sinceMs));
  }

  wakeAll(_call: Message) {
    return reply(() => this.#control.wakeAll());
  }
}
