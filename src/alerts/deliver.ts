/** The deliverer: sends what stands in the outbox, each at least once, in order for each incident and channel, however often it takes. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Notification } from '../model/incident.ts';
import type { DocumentStore, DocumentWrite } from '../ports/document-store.ts';
import type { DeliveryOutcome } from '../ports/notifier.ts';
import type { Telemetry, TelemetryLabels } from '../ports/telemetry.ts';
import { recordCanary } from './canary.ts';
import { type AttemptOptions, attemptOnce } from './delivery-attempt.ts';
import { retryWaitMs } from './delivery-backoff.ts';
import {
  DEAD_LETTER_KIND,
  entryWrite,
  type Lane,
  type OutboxEntry,
  outboxIndex,
  readEntry,
  type Waiting,
} from './delivery-outbox.ts';
import { proofNotification } from './delivery-proof.ts';

/** When a notification was delivered or given up. Told again with the same id after a crash. What it throws, it is told again for. */
export type Done = (notificationId: string, ok: boolean, detail: string, nowMs: number) => void | Promise<void>;

export interface DeliverOptions extends AttemptOptions {
  readonly store: DocumentStore;
  readonly telemetry: Telemetry;
  readonly done: Done;
  /** In [0, 1). */
  readonly random: () => number;
  /** Where they differ from ALERT_LIMITS. */
  readonly deadlineMs?: number | undefined;
  readonly attemptsMax?: number | undefined;
  readonly channelAttemptsMax?: number | undefined;
  readonly outboxKnownMax?: number | undefined;
}

export interface DeadLetter {
  readonly notification: Notification;
  readonly attempts: number;
  readonly reason: string;
  readonly atMs: number;
}

export interface Deliverer {
  /** Reads the outbox and begins; again after stop. */
  start(): void;
  /** No further attempts. Resolves when those under way have ended. */
  stop(): Promise<void>;
  /** These have been committed to the outbox: they are sent as soon as there is room. */
  added(notifications: readonly Notification[]): void;
  /** Resolves when nothing is under way and nothing is due: what is left waits for its time. */
  settled(): Promise<void>;
  /** When there is something to do again; undefined: when something is added. */
  nextMs(): number | undefined;
  /** Newest first. */
  deadLetters(tenant: string, max: number): readonly DeadLetter[];
  /** Sends a test page at once, outside the outbox. @returns undefined where there is no such channel. */
  testChannel(tenant: string, channel: string): Promise<{ readonly delivered: boolean; readonly detail: string } | undefined>;
}

/** id = channel, atMs = the last test, body = the times of tests in the last hour. */
const TEST_KIND = 'channel_test';

const WAIT_MS_MAX = Math.max(ALERT_LIMITS.retryAfterMostMs, ALERT_LIMITS.retryMostMs * (1 + ALERT_LIMITS.retryJitter));

/** The same objects each time: telemetry finds its counter by them. */
function labelTable(): (type: string, outcome: string) => TelemetryLabels {
  const known = new Map<string, TelemetryLabels>();
  return (channel, outcome) => {
    const labels = known.get(`${channel} ${outcome}`) ?? { channel, outcome };
    known.set(`${channel} ${outcome}`, labels);
    return labels;
  };
}

export function deliverer(options: DeliverOptions): Deliverer {
  const { store, clock, telemetry } = options;
  const outbox = outboxIndex(store, options.outboxKnownMax);
  const attemptsMax = options.attemptsMax ?? ALERT_LIMITS.attemptsMax;
  const perChannel = options.channelAttemptsMax ?? ALERT_LIMITS.channelAttemptsMax;
  const underWay = new Set<Promise<void>>();
  const idle = new Set<() => void>();
  const state: { running: boolean; turn: number; cancel: (() => void) | undefined } = {
    running: false,
    turn: 0,
    cancel: undefined,
  };
  const settle = settler(options);
  telemetry.gauge('metricstream_outbox_waiting', () => outbox.size());

  const nextOf = (lane: Lane): Waiting | undefined => {
    let next: Waiting | undefined;
    for (const [first] of lane.chains.values()) {
      if (first !== undefined && !first.busy && (next === undefined || first.dueMs < next.dueMs)) next = first;
    }
    return next;
  };
  const dueOf = (lane: Lane, waiting: Waiting): number => {
    // A clock that was set back must not keep a page for hours: no wait is so long.
    const nowMs = clock.nowMs();
    if (waiting.dueMs > nowMs + WAIT_MS_MAX) waiting.dueMs = nowMs;
    if (lane.pausedUntilMs > nowMs + WAIT_MS_MAX) lane.pausedUntilMs = nowMs;
    return Math.max(waiting.dueMs, lane.pausedUntilMs);
  };
  const nextMs = (): number | undefined => {
    let least: number | undefined;
    for (const lane of outbox.lanes.values()) {
      const next = lane.busy >= perChannel ? undefined : nextOf(lane);
      if (next !== undefined) least = Math.min(least ?? Number.POSITIVE_INFINITY, dueOf(lane, next));
    }
    return least;
  };

  const run = async (lane: Lane, waiting: Waiting): Promise<void> => {
    let isGone = false;
    try {
      isGone = await settle(lane, waiting);
    } catch (error) {
      // The store or who is told has failed: what was done is done again.
      telemetry.log('error', 'a notification could not be settled', { notification: waiting.key.id, error });
      waiting.dueMs = clock.nowMs() + retryWaitMs(1, options.random(), undefined);
    } finally {
      lane.busy -= 1;
      waiting.busy = false;
    }
    // The room it leaves is filled from the store: what fails there is read again by the next that ends.
    try {
      if (isGone) outbox.remove(waiting);
    } catch (error) {
      telemetry.log('error', 'the outbox could not be read', { error });
    }
  };
  /** One round takes at most one of each channel, so that none gets all places. @returns whether any was taken. */
  const takeRound = (): boolean => {
    let isTaken = false;
    for (const lane of [...outbox.lanes.values()].sort((a, b) => a.turn - b.turn)) {
      const next = underWay.size >= attemptsMax || lane.busy >= perChannel ? undefined : nextOf(lane);
      if (next === undefined || dueOf(lane, next) > clock.nowMs() || !outbox.isFirst(next)) continue;
      next.busy = true;
      lane.busy += 1;
      state.turn += 1;
      lane.turn = state.turn;
      isTaken = true;
      const going: Promise<void> = run(lane, next).finally(() => {
        underWay.delete(going);
        pump();
      });
      underWay.add(going);
    }
    return isTaken;
  };
  const pump = (): void => {
    state.cancel?.();
    state.cancel = undefined;
    let next: number | undefined;
    try {
      while (state.running && takeRound());
      next = nextMs();
    } catch (error) {
      telemetry.log('error', 'the outbox could not be read', { error });
      next = clock.nowMs() + ALERT_LIMITS.retryFirstMs;
    }
    if (underWay.size === 0) {
      for (const done of idle) done();
      idle.clear();
    }
    if (next === undefined || !state.running || underWay.size >= attemptsMax) return;
    state.cancel = clock.schedule(Math.max(0, next - clock.nowMs()), pump);
  };

  const settled = (): Promise<void> => (underWay.size === 0 ? Promise.resolve() : new Promise((done) => idle.add(done)));
  return {
    start() {
      state.running = true;
      store.expire(DEAD_LETTER_KIND, clock.nowMs() - ALERT_LIMITS.deadLetterAgeMs, ALERT_LIMITS.deadLettersMax);
      outbox.load();
      pump();
    },
    async stop() {
      state.running = false;
      pump();
      await settled();
    },
    added(notifications) {
      for (const notification of notifications) outbox.add(notification, clock.nowMs());
      pump();
    },
    settled,
    nextMs,
    deadLetters: (tenant, max) => deadLettersOf(store, tenant, max),
    testChannel: (tenant, channel) => testChannel(options, tenant, channel),
  };
}

function deadLettersOf(store: DocumentStore, tenant: string, max: number): DeadLetter[] {
  const query = { tenant, kind: DEAD_LETTER_KIND, newestFirst: true, max: Math.min(max, ALERT_LIMITS.deadLettersMax) };
  return store.list(query).flatMap((document) => {
    const entry = readEntry(document);
    if (entry === undefined) return [];
    const { notification, attempts, reason } = entry;
    return [{ notification, attempts, reason: reason ?? '', atMs: document.atMs }];
  });
}

/** @returns what makes one attempt and writes down what came of it; it resolves to whether the notification has left the outbox. */
function settler(options: DeliverOptions): (lane: Lane, waiting: Waiting) => Promise<boolean> {
  const { store, clock, telemetry } = options;
  const labelsOf = labelTable();
  const deadlineMs = options.deadlineMs ?? ALERT_LIMITS.deliveryDeadlineMs;
  /** Of those that were sent, while that could not be written down: they are not sent again for that. */
  const sent = new WeakMap<Waiting, DeliveryOutcome>();

  const finish = async (waiting: Waiting, entry: OutboxEntry, ok: boolean, detail: string): Promise<boolean> => {
    const { notification } = entry;
    const nowMs = clock.nowMs();
    const isCanary = notification.event === 'canary';
    if (isCanary) recordCanary(options, notification, ok, detail, nowMs);
    else await options.done(notification.id, ok, detail, nowMs);
    const removal: DocumentWrite = { ...waiting.key, atMs: nowMs, parent: waiting.incident, body: undefined };
    const isDead = !ok && !isCanary;
    store.commit(isDead ? [removal, entryWrite(DEAD_LETTER_KIND, { ...entry, reason: detail }, nowMs)] : [removal]);
    if (isDead) store.expire(DEAD_LETTER_KIND, nowMs - ALERT_LIMITS.deadLetterAgeMs, ALERT_LIMITS.deadLettersMax);
    return true;
  };

  const postpone = (
    lane: Lane,
    waiting: Waiting,
    entry: OutboxEntry,
    wait: { reason: string; retryAfterMs: number | undefined },
  ): void => {
    const nowMs = clock.nowMs();
    const attempts = entry.attempts + 1;
    waiting.dueMs = nowMs + retryWaitMs(attempts, options.random(), wait.retryAfterMs);
    // A receiver that asks for time asks for all that it gets.
    if (wait.retryAfterMs !== undefined) lane.pausedUntilMs = waiting.dueMs;
    store.commit([{ ...entryWrite(waiting.key.kind, { ...entry, attempts, reason: wait.reason }, waiting.dueMs) }]);
  };

  return async (lane, waiting) => {
    const document = store.get(waiting.key);
    if (document === undefined) return true;
    const entry = readEntry(document);
    if (entry === undefined) {
      telemetry.count('metricstream_notifications_total', 1, labelsOf('unknown', 'refused'));
      const { tenant, id } = waiting.key;
      telemetry.log('error', 'a notification in the outbox is damaged', { notification: id });
      const dead = { tenant, kind: DEAD_LETTER_KIND, id, atMs: clock.nowMs(), parent: waiting.incident, body: document.body };
      store.commit([{ ...dead, kind: waiting.key.kind, body: undefined }, dead]);
      return true;
    }
    const before = sent.get(waiting);
    const attempt = before === undefined ? await attemptOnce(entry.notification, options) : undefined;
    const outcome: DeliveryOutcome = before ?? attempt?.outcome ?? { kind: 'refused', reason: 'there is no such channel' };
    const age = clock.nowMs() - entry.firstMs;
    const isLate = outcome.kind === 'retry' && age >= (entry.deadlineMs ?? deadlineMs);
    if (before === undefined) {
      telemetry.count(
        'metricstream_notifications_total',
        1,
        labelsOf(attempt?.type ?? 'unknown', isLate ? 'expired' : outcome.kind),
      );
      if (outcome.kind === 'delivered') telemetry.observe('metricstream_notification_seconds', age / 1_000);
    }
    if (outcome.kind === 'retry' && !isLate) {
      postpone(lane, waiting, entry, outcome);
      return false;
    }
    sent.set(waiting, outcome);
    const ended = { ...entry, attempts: entry.attempts + (outcome.kind === 'delivered' ? 0 : 1) };
    if (outcome.kind === 'delivered') return finish(waiting, ended, true, outcome.detail);
    return finish(
      waiting,
      ended,
      false,
      isLate ? `given up after ${ended.attempts} attempts: ${outcome.reason}` : outcome.reason,
    );
  };
}

async function testChannel(
  options: DeliverOptions,
  tenant: string,
  channel: string,
): Promise<{ readonly delivered: boolean; readonly detail: string } | undefined> {
  const { store, clock } = options;
  const nowMs = clock.nowMs();
  const key = { tenant, kind: TEST_KIND, id: channel };
  const times = JSON.parse(store.get(key)?.body ?? '[]') as number[];
  const recent = times.filter((atMs) => atMs > nowMs - ALERT_LIMITS.testWindowMs && atMs <= nowMs);
  if (recent.length >= ALERT_LIMITS.testPagesMax) {
    return { delivered: false, detail: `at most ${ALERT_LIMITS.testPagesMax} tests an hour` };
  }
  // Written down first: a channel that hangs can be tested no more often than another.
  if ((await options.openChannel(tenant, channel)) === undefined) return undefined;
  store.commit([{ ...key, atMs: nowMs, parent: '', body: JSON.stringify([...recent, nowMs]) }]);
  const attempt = await attemptOnce(proofNotification('test', tenant, channel, nowMs), options);
  if (attempt === undefined) return undefined;
  const { outcome } = attempt;
  return { delivered: outcome.kind === 'delivered', detail: outcome.kind === 'delivered' ? outcome.detail : outcome.reason };
}
