/** The push machine: makes pushes, sends them oldest first and one at a time, and decides when to try again. */
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { encodeBody, type Sample } from './push-body.ts';
import { backoffMs, judge, retryAfterMs } from './retry.ts';
import { DROP_REASONS, type DropReason, type Spool, type SpooledPush, type SpoolStatus } from './spool.ts';

/** One POST /metrics. */
export interface PushRequest {
  /** Authorization, Content-Type, Idempotency-Key, X-Client-Id, X-Sent-At, X-Previous-Boot where known, and the extra ones. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Aborted when the machine no longer waits. */
  readonly signal: AbortSignal;
}

export interface PushResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The first words of the answer, for the log. */
  readonly detail?: string;
}

export interface PusherOptions {
  readonly client: string;
  /** One per process: 128 random bits in hex. */
  readonly bootId: string;
  /** How much time one call of `push` stands for. */
  readonly intervalMs: number;
  /** Asked at the start, and again after each 401 and 403. When it throws, the key before stays. */
  readonly readKey: () => string;
  readonly extraHeaders?: Readonly<Record<string, string>>;
  /** Of every sample that does not bring them itself. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Every wait goes through it as a delay; the time of day only stamps. */
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Rejects where no answer came. */
  readonly send: (request: PushRequest) => Promise<PushResponse>;
  readonly spool: Spool;
  readonly log: Telemetry['log'];
}

export interface PusherStatus {
  /** `open`: waiting to probe; `half_open`: probing. */
  readonly breaker: 'closed' | 'open' | 'half_open';
  /** Failures in a row. */
  readonly failures: number;
  /** Since this start; delivered ones may have been made by an earlier boot. */
  readonly made: { readonly pushes: number; readonly samples: number };
  readonly delivered: { readonly pushes: number; readonly samples: number };
  readonly lastDeliveredMs: number | undefined;
  /** Why the last try did not deliver; undefined once one does. */
  readonly lastError: string | undefined;
  readonly spool: SpoolStatus;
}

/** Pause after each answer: with one push in flight it bounds the rate. */
const GAP_MS = 1_000 / LIMITS.agentPushesPerSecond;

/**
 * Nothing is sent before the first `push`: what an earlier boot left waits for the client's own phase too.
 * Deterministic: the same clock, random numbers and answers give the same requests. `stop` ends it; to simulate a crash,
 * stop feeding its clock, and make another with the same spool and a new boot id.
 */
export class Pusher {
  readonly #options: PusherOptions;
  #key: string;
  #state: 'ready' | 'sending' | 'waiting' = 'ready';
  /** Tries in a row without delivery, for the backoff; and those of them that were failures, for the breaker. */
  #attempts = 0;
  #failures = 0;
  #sequence = 0;
  #made = { pushes: 0, samples: 0 };
  #delivered = { pushes: 0, samples: 0 };
  #lastDeliveredMs: number | undefined;
  #lastError: string | undefined;
  #sending: Promise<void> = Promise.resolve();
  #giveUp: (why: string) => void = () => {};
  #cancelWait: () => void = () => {};
  #stopped: Promise<void> | undefined;

  constructor(options: PusherOptions) {
    this.#options = options;
    this.#key = options.readKey();
    options.spool.release();
  }

  /** Makes a push of the samples (more than metricsPerPushMax: several) and of the machine's own counters; none at all is a heartbeat. */
  push(samples: readonly Sample[]): void {
    if (this.#stopped !== undefined) return;
    const { client, bootId, intervalMs, labels = {}, clock, spool } = this.#options;
    const all = [...samples, ...this.#ownSamples(clock.nowMs())];
    const parts = Math.max(1, Math.ceil(all.length / LIMITS.metricsPerPushMax));
    for (let part = 0; part < parts; part++) {
      const some = all.slice(part * LIMITS.metricsPerPushMax, (part + 1) * LIMITS.metricsPerPushMax);
      const sequence = this.#sequence++;
      this.#made.pushes += 1;
      this.#made.samples += some.length;
      const spanMs = Math.round(intervalMs / parts);
      spool.add({ boot: bootId, sequence, samples: some.length, spanMs, body: encodeBody(client, some, labels) });
    }
    this.#pump();
  }

  /** One last try of at most `timeoutMs`, or the one in flight for as long; what is left stays in the spool. */
  stop(timeoutMs: number): Promise<void> {
    this.#stopped ??= this.#lastTry(timeoutMs);
    return this.#stopped;
  }

  status(): PusherStatus {
    const open = this.#failures >= LIMITS.agentBreakerFailures;
    return {
      breaker: !open ? 'closed' : this.#state === 'sending' ? 'half_open' : 'open',
      failures: this.#failures,
      made: { ...this.#made },
      delivered: { ...this.#delivered },
      lastDeliveredMs: this.#lastDeliveredMs,
      lastError: this.#lastError,
      spool: this.#options.spool.status(),
    };
  }

  /** Drops are counters, so zeros go with the first push: without a zero before it the first drop would be no increase. */
  #ownSamples(timestampMs: number): Sample[] {
    const { dropped, writeErrors } = this.#options.spool.status();
    const counter = (name: string, value: number, labels?: Record<string, string>): Sample[] =>
      value > 0 || this.#sequence === 0 ? [{ name, value, timestampMs, labels, unit: 'count', kind: 'counter' }] : [];
    return [
      ...DROP_REASONS.flatMap((reason) => counter('agent_dropped_samples_total', dropped[reason], { reason })),
      ...counter('agent_spool_write_errors_total', writeErrors),
    ];
  }

  #pump(): void {
    if (this.#state !== 'ready') return;
    const push = this.#options.spool.hold();
    if (push !== undefined) this.#sending = this.#attempt(push);
  }

  async #attempt(push: SpooledPush): Promise<void> {
    this.#state = 'sending';
    const answer = await this.#exchange(push);
    const delayMs = this.#conclude(push, answer);
    this.#state = 'waiting';
    if (this.#stopped !== undefined) return;
    this.#cancelWait = this.#options.clock.schedule(Math.max(GAP_MS, delayMs), () => {
      this.#state = 'ready';
      this.#pump();
    });
  }

  /** Sends once. @returns the answer, or why there is none. */
  #exchange(push: SpooledPush): Promise<PushResponse | string> {
    const { clock, send } = this.#options;
    const abort = new AbortController();
    return new Promise((resolve) => {
      const cancelTimeout = clock.schedule(LIMITS.agentTimeoutMs, () => this.#giveUp('timeout'));
      const done = (answer: PushResponse | string): void => {
        cancelTimeout();
        resolve(answer);
      };
      this.#giveUp = (why) => {
        abort.abort();
        done(why);
      };
      const request = { headers: this.#headers(push), body: push.body, signal: abort.signal };
      new Promise<PushResponse>((answered) => answered(send(request))).then(done, (error: unknown) => done(String(error)));
    });
  }

  #headers({ boot, sequence, previous }: SpooledPush): Record<string, string> {
    const { client, clock, extraHeaders } = this.#options;
    return {
      ...extraHeaders,
      Authorization: `Bearer ${this.#key}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': `${boot}:${sequence}`,
      'X-Client-Id': client,
      'X-Sent-At': String(clock.nowMs()),
      ...(previous === undefined ? {} : { 'X-Previous-Boot': `${previous.boot}:${previous.made}` }),
    };
  }

  /** Settles or gives back the push. @returns how long to wait before the next try. */
  #conclude(push: SpooledPush, answer: PushResponse | string): number {
    const { clock, random, spool } = this.#options;
    const response = typeof answer === 'string' ? undefined : answer;
    const verdict = judge(response?.status);
    if (verdict.kind === 'delivered' || verdict.kind === 'dropped') {
      this.#settle(push, response, verdict.kind === 'dropped' ? verdict.reason : undefined);
      return 0;
    }
    spool.release();
    this.#lastError = response === undefined ? String(answer) : `HTTP ${response.status}`;
    this.#attempts += 1;
    this.#failures = verdict.kind === 'failed' ? this.#failures + 1 : 0;
    this.#report(response);
    const waitMs = backoffMs(this.#attempts, random());
    if (verdict.kind === 'unauthorized') {
      this.#readKeyAgain();
      return waitMs;
    }
    if (response?.status !== 429 && response?.status !== 503) return waitMs;
    const askedMs = retryAfterMs(response.retryAfter, clock.nowMs(), random());
    if (askedMs === undefined) return waitMs;
    return this.#failures >= LIMITS.agentBreakerFailures ? Math.max(waitMs, askedMs) : askedMs;
  }

  #settle(push: SpooledPush, response: PushResponse | undefined, dropped: DropReason | undefined): void {
    const { clock, log, spool } = this.#options;
    spool.settle(dropped);
    if (this.#failures >= LIMITS.agentBreakerFailures) log('info', 'the server answers again', {});
    this.#attempts = 0;
    this.#failures = 0;
    if (dropped !== undefined) {
      this.#lastError = `HTTP ${response?.status}`;
      log('warn', 'the server refused a push for good; dropped', {
        status: response?.status,
        samples: push.samples,
        detail: response?.detail,
      });
      return;
    }
    this.#lastError = undefined;
    this.#lastDeliveredMs = clock.nowMs();
    this.#delivered.pushes += 1;
    this.#delivered.samples += push.samples;
  }

  /** Says the first of a row and the opening of the breaker, not each. */
  #report(response: PushResponse | undefined): void {
    const { log } = this.#options;
    const fields = { error: this.#lastError, detail: response?.detail };
    if (this.#attempts === 1) log('warn', 'a push was not delivered; it will be tried again', fields);
    if (this.#failures === LIMITS.agentBreakerFailures) log('error', 'the server does not answer; the breaker is open', fields);
  }

  #readKeyAgain(): void {
    try {
      this.#key = this.#options.readKey();
    } catch (error) {
      this.#options.log('error', 'the key cannot be read', { error: String(error) });
    }
  }

  async #lastTry(timeoutMs: number): Promise<void> {
    this.#cancelWait();
    if (this.#state === 'waiting') this.#state = 'ready';
    const cancel = this.#options.clock.schedule(timeoutMs, () => this.#giveUp('stopped'));
    this.#pump();
    await this.#sending;
    cancel();
  }
}
