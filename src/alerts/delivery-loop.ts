/** What drives the outbox: takes what is due, channel by channel in turn, within bounds, and wakes when more is. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Notification } from '../model/incident.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Lane, Outbox, Waiting } from './delivery-outbox.ts';

export interface DeliveryLoopOptions {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly attemptsMax: number;
  readonly channelAttemptsMax: number;
  /** One attempt. @returns whether the notification has left the outbox. */
  settle(lane: Lane, waiting: Waiting): Promise<boolean>;
}

/** No wait is longer. */
const WAIT_MS = Math.max(ALERT_LIMITS.retryAfterMostMs, ALERT_LIMITS.retryMostMs * (1 + ALERT_LIMITS.retryJitter));

export class DeliveryLoop {
  readonly #options: DeliveryLoopOptions;
  readonly #underWay = new Set<Promise<void>>();
  readonly #idle = new Set<() => void>();
  #isRunning = false;
  #turn = 0;
  #cancel: (() => void) | undefined;

  constructor(options: DeliveryLoopOptions) {
    this.#options = options;
  }

  /** @throws what the store does, where it cannot be read. */
  start(): void {
    this.#options.outbox.load();
    this.#isRunning = true;
    this.#pump();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#pump();
    await this.settled();
  }

  added(notifications: readonly Notification[]): void {
    for (const notification of notifications) this.#options.outbox.add(notification, this.#options.clock.nowMs());
    this.#pump();
  }

  settled(): Promise<void> {
    return this.#underWay.size === 0 ? Promise.resolve() : new Promise((done) => this.#idle.add(done));
  }

  nextMs(): number | undefined {
    let least: number | undefined;
    for (const lane of this.#options.outbox.lanes.values()) {
      const next = this.#nextOf(lane);
      if (next !== undefined) least = Math.min(least ?? Number.POSITIVE_INFINITY, this.#dueOf(lane, next));
    }
    return least;
  }

  /** @returns undefined where there is nothing, or no place. */
  #nextOf(lane: Lane): Waiting | undefined {
    if (lane.busy >= this.#options.channelAttemptsMax) return undefined;
    let next: Waiting | undefined;
    for (const [first] of lane.chains.values()) {
      if (first !== undefined && !first.busy && (next === undefined || first.dueMs < next.dueMs)) next = first;
    }
    return next;
  }

  #dueOf(lane: Lane, waiting: Waiting): number {
    // A clock that was set back must not keep a page for hours.
    const nowMs = this.#options.clock.nowMs();
    if (waiting.dueMs > nowMs + WAIT_MS) waiting.dueMs = nowMs;
    if (lane.pausedUntilMs > nowMs + WAIT_MS) lane.pausedUntilMs = nowMs;
    return Math.max(waiting.dueMs, lane.pausedUntilMs);
  }

  #pump(): void {
    const { clock } = this.#options;
    this.#cancel?.();
    this.#cancel = undefined;
    let next: number | undefined;
    try {
      while (this.#isRunning && this.#takeRound());
      next = this.nextMs();
    } catch (error) {
      this.#unreadable(error);
      next = clock.nowMs() + ALERT_LIMITS.retryFirstMs;
    }
    if (this.#underWay.size === 0) {
      for (const done of this.#idle) done();
      this.#idle.clear();
    }
    if (next === undefined || !this.#isRunning || this.#underWay.size >= this.#options.attemptsMax) return;
    this.#cancel = clock.schedule(Math.max(0, next - clock.nowMs()), () => this.#pump());
  }

  /** At most one of each channel, those that waited longest first, so that none gets all places. @returns whether any was taken. */
  #takeRound(): boolean {
    const { outbox, clock, attemptsMax } = this.#options;
    let isTaken = false;
    for (const lane of [...outbox.lanes.values()].sort((a, b) => a.turn - b.turn)) {
      if (this.#underWay.size >= attemptsMax) break;
      const next = this.#nextOf(lane);
      if (next === undefined || this.#dueOf(lane, next) > clock.nowMs() || !outbox.isFirst(next)) continue;
      next.busy = true;
      lane.busy += 1;
      this.#turn += 1;
      lane.turn = this.#turn;
      isTaken = true;
      const going: Promise<void> = this.#run(lane, next).finally(() => {
        this.#underWay.delete(going);
        this.#pump();
      });
      this.#underWay.add(going);
    }
    return isTaken;
  }

  /** Never rejects. */
  async #run(lane: Lane, waiting: Waiting): Promise<void> {
    const { outbox, clock, telemetry, settle } = this.#options;
    let isGone = false;
    try {
      isGone = await settle(lane, waiting);
    } catch (error) {
      // The store or who is told has failed: what was to be written down is so the next time.
      telemetry.log('error', 'a notification could not be settled', { notification: waiting.key.id, error });
      waiting.dueMs = clock.nowMs() + ALERT_LIMITS.retryFirstMs;
    }
    lane.busy -= 1;
    waiting.busy = false;
    if (!isGone) return;
    try {
      outbox.remove(waiting);
    } catch (error) {
      // The room it leaves is filled from the store: by the next that ends.
      this.#unreadable(error);
    }
  }

  #unreadable(error: unknown): void {
    this.#options.telemetry.log('error', 'the outbox could not be read', { error });
  }
}
