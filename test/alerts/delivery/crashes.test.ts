/** The outbox under crashes at every step: each page at least once, in order, and no oftener than crashes and failures explain. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeOutbound } from '../../../src/adapters/node/outbound.ts';
import { systemClock } from '../../../src/adapters/system/clock.ts';
import { channelNotifiers } from '../../../src/alerts/notifiers/registry.ts';
import { targetGuard } from '../../../src/alerts/target-guard.ts';
import type { Notification } from '../../../src/model/incident.ts';
import type { DocumentStore } from '../../../src/ports/document-store.ts';
import type { DeliveryOutcome, Notifier } from '../../../src/ports/notifier.ts';
import { httpReceiver } from '../../system/notify-receivers.ts';
import { channelOf, NOW_MS, notificationOf } from '../notifiers/pages.ts';
import { BUSY, DELIVERED, deliveryLab, page, REFUSED } from './lab.ts';

/** A process that dies at one of its steps: before or after a commit, an attempt, or telling. What it does after that does nothing. */
function mortal(store: DocumentStore, dieAt: number): { readonly store: DocumentStore; step(): void; isDead(): boolean } {
  let steps = 0;
  const step = (): void => {
    steps += 1;
    if (steps > dieAt) throw new Error('dead');
  };
  const alive = <T>(read: () => T): T => {
    if (steps > dieAt) throw new Error('dead');
    return read();
  };
  return {
    step,
    isDead: () => steps > dieAt,
    store: {
      get: (key) => alive(() => store.get(key)),
      list: (query) => alive(() => store.list(query)),
      expire: (...sweep) => alive(() => store.expire(...sweep)),
      commit(writes) {
        step();
        const changed = store.commit(writes);
        step();
        return changed;
      },
    },
  };
}

const OUTCOMES = fc.constantFrom(DELIVERED, DELIVERED, BUSY, BUSY, REFUSED);

interface Plan {
  readonly pages: readonly { readonly channel: string; readonly incident: string }[];
  readonly outcomes: readonly DeliveryOutcome[];
  readonly deaths: readonly number[];
  readonly channelAttemptsMax: number;
  readonly random: number;
}

const PLAN: fc.Arbitrary<Plan> = fc.record({
  pages: fc.array(fc.record({ channel: fc.constantFrom('a', 'b'), incident: fc.constantFrom('i1', 'i2') }), {
    minLength: 1,
    maxLength: 12,
  }),
  /** In turn; then all is delivered. */
  outcomes: fc.array(OUTCOMES, { maxLength: 25 }),
  deaths: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 6 }),
  channelAttemptsMax: fc.integer({ min: 1, max: 3 }),
  random: fc.double({ min: 0, max: 0.999, noNaN: true }),
});

interface Attempted {
  readonly id: string;
  readonly outcome: DeliveryOutcome;
}

/** Runs a plan to its end. @returns attempts in order, and who was told what. */
async function lived(plan: Plan) {
  const lab = deliveryLab();
  const attempts: Attempted[] = [];
  const outcomes = [...plan.outcomes];
  const pages = plan.pages.map(({ channel, incident }, sequence) => page(channel, incident, sequence));
  lab.put(...pages);
  for (const dieAt of [...plan.deaths, Number.POSITIVE_INFINITY]) {
    const process = mortal(lab.store, dieAt);
    const send = async (notification: Notification): Promise<DeliveryOutcome> => {
      if (process.isDead()) return new Promise(() => {});
      const outcome = outcomes.shift() ?? DELIVERED;
      attempts.push({ id: notification.id, outcome });
      return outcome;
    };
    const notifier: Notifier = { send };
    const deliver = lab.open({
      store: process.store,
      notifiers: { email: notifier, pagerduty: notifier, slack: notifier, webhook: notifier, alertmanager: notifier },
      channelAttemptsMax: plan.channelAttemptsMax,
      random: () => plan.random,
      done(id, ok, detail) {
        process.step();
        lab.told.push([id, ok, detail]);
        process.step();
      },
    });
    deliver.start();
    // Until it has died, or all is done.
    await lab.clock.advance(process.isDead() ? 0 : 400_000);
    await deliver.stop();
  }
  return { lab, attempts, pages };
}

test('with crashes at any step each page is delivered or refused and told so, in order, and nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(PLAN, async (plan) => {
      const { lab, attempts, pages } = await lived(plan);
      expect(lab.waiting()).toEqual([]);
      const ends = (id: string): number => attempts.findIndex((one) => one.id === id && one.outcome.kind !== 'retry');
      for (const { id, channel, incident } of pages) {
        const told = lab.told.filter(([toldId]) => toldId === id);
        expect(told.length).toBeGreaterThan(0);
        // Whoever was told last was told what is so.
        expect(
          attempts.some((one) => one.id === id && one.outcome.kind === (told.at(-1)?.[1] === true ? 'delivered' : 'refused')),
        ).toBe(true);
        const later = pages.filter(
          (other) =>
            other.channel === channel &&
            other.incident.id === incident.id &&
            Number(other.id.split(':')[2]) > Number(id.split(':')[2]),
        );
        for (const other of later) expect(ends(id)).toBeLessThan(attempts.findIndex((one) => one.id === other.id));
      }
      const failures = attempts.filter(({ outcome }) => outcome.kind === 'retry').length;
      // A crash repeats at most what was under way: two channels with their places.
      expect(attempts.length).toBeLessThanOrEqual(pages.length + failures + plan.deaths.length * 2 * plan.channelAttemptsMax);
    }),
    { numRuns: 60 },
  );
});

test('killed between send and mark, PagerDuty gets the page again and sees one incident', async () => {
  const receiver = await httpReceiver();
  try {
    const lab = deliveryLab();
    lab.channels.set('pager', { ...channelOf('pagerduty', { url: receiver.url }, { routingKey: 'R'.repeat(32) }), id: 'pager' });
    const policy = targetGuard({ allowTargets: ['127.0.0.1'] });
    const mailer = { needsServer: false, send: () => Promise.reject(new Error('no mail here')) };
    const notifiers = channelNotifiers({ outbound: nodeOutbound(), mailer, policy, nowMs: () => NOW_MS });
    const pages = [
      notificationOf('trigger', { id: 'n1', channel: 'pager' }),
      notificationOf('resolve', { id: 'n2', channel: 'pager' }),
    ];
    lab.put(...pages);
    for (const dieAt of [0, 1, 2, 3, 4, Number.POSITIVE_INFINITY]) {
      const process = mortal(lab.store, dieAt);
      const deliver = lab.open({ store: process.store, notifiers, clock: systemClock(), done: () => process.step() });
      deliver.start();
      while (!process.isDead() && lab.waiting().length > 0) await new Promise((resolve) => setImmediate(resolve));
      await deliver.stop();
    }
    const events = receiver.posts.map(
      ({ body }) => JSON.parse(body) as { readonly event_action: string; readonly dedup_key: string },
    );
    expect(new Set(events.map(({ dedup_key }) => dedup_key)).size).toBe(1);
    const actions = events.map(({ event_action }) => event_action);
    expect(actions.filter((action) => action === 'trigger').length).toBeGreaterThan(1);
    expect(actions.lastIndexOf('trigger')).toBeLessThan(actions.indexOf('resolve'));
    expect(lab.waiting()).toEqual([]);
  } finally {
    await receiver.close();
  }
});
