/** The deliverer: sends what stands in the outbox, each at least once, in order for each incident and channel, however often it takes. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Notification } from '../model/incident.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import { attemptOnce } from './delivery-attempt.ts';
import { DeliveryLoop } from './delivery-loop.ts';
import { DEAD_LETTER_KIND, outboxIndex, readEntry } from './delivery-outbox.ts';
import { proofNotification } from './delivery-proof.ts';
import { type SettleOptions, Settler } from './delivery-settle.ts';

export interface DeliverOptions extends SettleOptions {
  /** Where they differ from ALERT_LIMITS. */
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
  /** Reads the outbox and begins; again after stop. @throws what the store does, where it cannot be read. */
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

export function deliverer(options: DeliverOptions): Deliverer {
  const { store, clock, telemetry } = options;
  const outbox = outboxIndex(store, options.outboxKnownMax);
  const settler = new Settler(options);
  const loop = new DeliveryLoop({
    outbox,
    clock,
    telemetry,
    attemptsMax: options.attemptsMax ?? ALERT_LIMITS.attemptsMax,
    channelAttemptsMax: options.channelAttemptsMax ?? ALERT_LIMITS.channelAttemptsMax,
    settle: (lane, waiting) => settler.settle(lane, waiting),
  });
  telemetry.gauge('metricstream_outbox_waiting', () => outbox.size());
  return {
    start() {
      store.expire(DEAD_LETTER_KIND, clock.nowMs() - ALERT_LIMITS.deadLetterAgeMs, ALERT_LIMITS.deadLettersMax);
      loop.start();
    },
    stop: () => loop.stop(),
    added: (notifications) => loop.added(notifications),
    settled: () => loop.settled(),
    nextMs: () => loop.nextMs(),
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

async function testChannel(
  options: DeliverOptions,
  tenant: string,
  channel: string,
): Promise<{ readonly delivered: boolean; readonly detail: string } | undefined> {
  const { store, clock } = options;
  if ((await options.openChannel(tenant, channel)) === undefined) return undefined;
  const nowMs = clock.nowMs();
  const key = { tenant, kind: TEST_KIND, id: channel };
  const times = JSON.parse(store.get(key)?.body ?? '[]') as number[];
  const recent = times.filter((atMs) => atMs > nowMs - ALERT_LIMITS.testWindowMs && atMs <= nowMs);
  if (recent.length >= ALERT_LIMITS.testPagesMax) {
    return { delivered: false, detail: `at most ${ALERT_LIMITS.testPagesMax} tests an hour` };
  }
  // Written down first: a channel that hangs can be tested no more often than another.
  store.commit([{ ...key, atMs: nowMs, parent: '', body: JSON.stringify([...recent, nowMs]) }]);
  const attempt = await attemptOnce(proofNotification('test', tenant, channel, nowMs), options);
  if (attempt === undefined) return undefined;
  const { outcome } = attempt;
  return { delivered: outcome.kind === 'delivered', detail: outcome.kind === 'delivered' ? outcome.detail : outcome.reason };
}
