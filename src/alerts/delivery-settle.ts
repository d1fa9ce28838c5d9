/** What becomes of a notification when it is tried: it is told and leaves the outbox, goes to the dead letters, or waits for its next time. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import type { DeliveryOutcome } from '../ports/notifier.ts';
import type { Telemetry, TelemetryLabels } from '../ports/telemetry.ts';
import { recordCanary } from './canary.ts';
import { type AttemptOptions, attemptOnce } from './delivery-attempt.ts';
import { retryWaitMs } from './delivery-backoff.ts';
import { DEAD_LETTER_KIND, entryWrite, type Lane, type OutboxEntry, readEntry, type Waiting } from './delivery-outbox.ts';

export interface SettleOptions extends AttemptOptions {
  readonly store: DocumentStore;
  readonly telemetry: Telemetry;
  /** When a notification was delivered or given up. Told again with the same id after a crash. What it throws, it is told again for. */
  readonly done: (notificationId: string, ok: boolean, detail: string, nowMs: number) => void | Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
  readonly deadlineMs?: number | undefined;
}

export class Settler {
  readonly #options: SettleOptions;
  readonly #labels = new Map<string, TelemetryLabels>();
  /** What came of those that were sent, while it could not be written down: they are not sent again for that. */
  readonly #sent = new WeakMap<Waiting, DeliveryOutcome>();

  constructor(options: SettleOptions) {
    this.#options = options;
  }

  /** One attempt. @returns whether the notification has left the outbox. @throws what kept that from being written down or told. */
  async settle(lane: Lane, waiting: Waiting): Promise<boolean> {
    const document = this.#options.store.get(waiting.key);
    if (document === undefined) return true;
    const entry = readEntry(document);
    if (entry === undefined) return this.#bury(waiting, document.body);
    const outcome = this.#sent.get(waiting) ?? (await this.#try(entry));
    if (outcome.kind === 'retry') {
      this.#postpone(lane, waiting, entry, outcome);
      return false;
    }
    this.#sent.set(waiting, outcome);
    if (outcome.kind === 'delivered') await this.#finish(waiting, entry, true, outcome.detail);
    else await this.#finish(waiting, { ...entry, attempts: entry.attempts + 1 }, false, outcome.reason);
    return true;
  }

  async #try(entry: OutboxEntry): Promise<DeliveryOutcome> {
    const { clock, telemetry } = this.#options;
    const attempt = await attemptOnce(entry.notification, this.#options);
    const outcome: DeliveryOutcome = attempt?.outcome ?? { kind: 'refused', reason: 'there is no such channel' };
    const ageMs = clock.nowMs() - entry.firstMs;
    const deadlineMs = entry.deadlineMs ?? this.#options.deadlineMs ?? ALERT_LIMITS.deliveryDeadlineMs;
    const isLate = outcome.kind === 'retry' && ageMs >= deadlineMs;
    this.#count(attempt?.type ?? 'unknown', isLate ? 'expired' : outcome.kind);
    if (outcome.kind === 'delivered') telemetry.observe('metricstream_notification_seconds', ageMs / 1_000);
    return isLate ? { kind: 'refused', reason: `given up after ${entry.attempts + 1} attempts: ${outcome.reason}` } : outcome;
  }

  #count(channel: string, outcome: string): void {
    // The same object each time: telemetry finds its counter by it.
    const labels = this.#labels.get(`${channel} ${outcome}`) ?? { channel, outcome };
    this.#labels.set(`${channel} ${outcome}`, labels);
    this.#options.telemetry.count('metricstream_notifications_total', 1, labels);
  }

  #postpone(lane: Lane, waiting: Waiting, entry: OutboxEntry, wait: { reason: string; retryAfterMs: number | undefined }): void {
    const attempts = entry.attempts + 1;
    waiting.dueMs = this.#options.clock.nowMs() + retryWaitMs(attempts, this.#options.random(), wait.retryAfterMs);
    // A receiver that asks for time asks for all that it gets.
    if (wait.retryAfterMs !== undefined) lane.pausedUntilMs = waiting.dueMs;
    this.#options.store.commit([entryWrite(waiting.key.kind, { ...entry, attempts, reason: wait.reason }, waiting.dueMs)]);
  }

  /** Told before it is removed: a crash in between tells it again, and none keeps it from being told. */
  async #finish(waiting: Waiting, entry: OutboxEntry, ok: boolean, detail: string): Promise<void> {
    const { store, clock, done } = this.#options;
    const nowMs = clock.nowMs();
    const isCanary = entry.notification.event === 'canary';
    if (isCanary) recordCanary(this.#options, entry.notification, ok, detail, nowMs);
    else await done(entry.notification.id, ok, detail, nowMs);
    const removal = { ...waiting.key, atMs: nowMs, parent: waiting.incident, body: undefined };
    if (ok || isCanary) store.commit([removal]);
    else {
      store.commit([removal, entryWrite(DEAD_LETTER_KIND, { ...entry, reason: detail }, nowMs)]);
      store.expire(DEAD_LETTER_KIND, nowMs - ALERT_LIMITS.deadLetterAgeMs, ALERT_LIMITS.deadLettersMax);
    }
  }

  /** A damaged row: nobody can be told what it was. */
  #bury({ key, incident }: Waiting, body: string): boolean {
    const { store, clock, telemetry } = this.#options;
    this.#count('unknown', 'refused');
    telemetry.log('error', 'a notification in the outbox is damaged', { notification: key.id });
    const place = { ...key, atMs: clock.nowMs(), parent: incident };
    store.commit([
      { ...place, body: undefined },
      { ...place, kind: DEAD_LETTER_KIND, body },
    ]);
    return true;
  }
}
