/** Alerting's control role as a Durable Object: a shell around AlertControl. What it is wired to stands in runtimes/cloudflare.ts. */
import { DurableObject } from 'cloudflare:workers';
import { MetricStreamError } from '../model/errors.ts';
import type { AlertCall, AlertService, TransitionsCall } from '../ports/alert-service.ts';
import type { Message } from '../ports/shard-service.ts';
import { alertMethod } from '../protocols/alert-call.ts';
import { reply } from '../protocols/shard-reply.ts';
import type { AlertControl } from './alert-control.ts';

export abstract class AlertObjectBase<Env> extends DurableObject<Env> implements AlertService {
  #started: AlertControl | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // No call comes in before it is open; where opening fails, this life of the object ends, and the next call begins another.
    void ctx.blockConcurrencyWhile(async () => {
      this.#started = await this.open();
      this.#started.start(false);
    });
  }

  protected abstract open(): Promise<AlertControl>;

  get #control(): AlertControl {
    if (this.#started === undefined) throw new MetricStreamError('unavailable', 'Alerting has not started.');
    return this.#started;
  }

  transitions({ transitions }: TransitionsCall) {
    return this.#within(async () => {
      await this.#control.deliver(transitions);
      return null;
    });
  }

  ask({ port, method, args }: AlertCall) {
    return this.#within(async () => {
      const call = alertMethod(this.#control.ports, port, method);
      if (call === undefined) throw new MetricStreamError('invalid_request', `Alerting has no ${port}.${method}.`);
      return (await call(...args)) ?? null;
    });
  }

  wake(_call: Message) {
    return this.#within(async () => {
      await this.#control.run();
      return null;
    });
  }

  override async alarm(): Promise<void> {
    await this.#control.run();
    await this.#arm();
  }

  /** What a call makes due is left to the alarm: who calls does not wait for a page to be sent. */
  async #within<T>(work: () => Promise<T>) {
    const answer = await reply(work);
    await this.#arm();
    return answer;
  }

  async #arm(): Promise<void> {
    const dueMs = this.#control.nextDueMs();
    const setMs = await this.ctx.storage.getAlarm();
    if (dueMs === Number.POSITIVE_INFINITY || (setMs !== null && setMs <= dueMs)) return;
    // One in the past fires at once, but 0 is refused.
    await this.ctx.storage.setAlarm(Math.max(1, dueMs));
  }
}
