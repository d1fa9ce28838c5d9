/** What every channel does, against its real receiver: each event arrives, repeats are recognisable, and failures end as the port says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Notification } from '../../../src/model/incident.ts';
import type { Notifier, OpenChannel } from '../../../src/ports/notifier.ts';
import { incidentOf, notificationOf } from '../../alerts/notifiers/pages.ts';

/** Longer than a busy machine takes to answer; what a test waits where nothing answers. */
const PATIENT_MS = 10_000;
const HASTY_MS = 150;

/** One page as it arrived. */
export interface Arrival {
  /** By which the receiver knows a repeat. */
  readonly id: string;
  /** By which it knows the incident. */
  readonly incident: string;
  readonly text: string;
}

export interface NotifierLab {
  /** With this for one attempt. */
  notifier(timeoutMs: number): Notifier;
  readonly channel: OpenChannel;
  /** All so far. */
  arrivals(): readonly Arrival[];
  /** How the receiver treats what comes next. */
  behave(how: 'accept' | 'hang' | 'busy' | 'refuse' | 'die'): void;
  close(): Promise<void>;
}

/** @param silent events that the channel has no word for. */
export function describeNotifier(
  name: string,
  open: () => Promise<NotifierLab>,
  silent: readonly Notification['event'][] = [],
): void {
  describe(`notifier contract: ${name}`, () => {
    let lab: NotifierLab;
    beforeAll(async () => {
      lab = await open();
    });
    afterAll(() => lab.close());
    const send = async (event: Notification['event'], changes: Partial<Notification> = {}): Promise<readonly Arrival[]> => {
      lab.behave('accept');
      const before = lab.arrivals().length;
      const outcome = await lab.notifier(PATIENT_MS).send(notificationOf(event, changes), lab.channel);
      expect(outcome.kind).toBe('delivered');
      return lab.arrivals().slice(before);
    };

    for (const event of ['trigger', 'update', 'acknowledge', 'resolve', 'test', 'canary'] as const) {
      const says = silent.includes(event) ? 'has no word for it, which is no failure' : 'arrives';
      test(`${event} ${says}`, async () => {
        const arrived = await send(event);
        expect(arrived.length > 0).toBe(!silent.includes(event));
      });
    }

    test('a repeat has the id of the first, and all events of an incident have one key', async () => {
      const [first] = await send('trigger');
      const [again] = await send('trigger');
      const [resolved] = await send('resolve');
      expect(again?.id).toBe(first?.id);
      expect(resolved?.incident).toBe(first?.incident);
      const [other] = await send('trigger', {
        id: 'acme:incident-2:1:c',
        dedupKey: 'acme/host/CpuHigh/2',
        incident: incidentOf({ id: 'incident-2' }),
      });
      expect(other?.incident).not.toBe(first?.incident);
    });

    test('a page says what, where, since when, and what to do', async () => {
      const [page] = await send('trigger');
      for (const part of ['CpuHigh', 'web-1', '02:14:05', '93.24', 'https://runbooks.example.com/cpu'])
        expect(page?.text).toContain(part);
    });

    test.each(['hang', 'busy', 'die'] as const)('a receiver that does this is tried again: %s', async (how) => {
      lab.behave(how);
      const timeoutMs = how === 'hang' ? HASTY_MS : PATIENT_MS;
      const outcome = await lab.notifier(timeoutMs).send(notificationOf('trigger'), lab.channel);
      expect(outcome.kind).toBe('retry');
    });

    test('a receiver that refuses is not asked again, and no secret stands in the reason', async () => {
      lab.behave('refuse');
      const outcome = await lab.notifier(PATIENT_MS).send(notificationOf('trigger'), lab.channel);
      expect(outcome.kind).toBe('refused');
      for (const secret of Object.values(lab.channel.secrets)) expect(JSON.stringify(outcome)).not.toContain(secret);
    });
  });
}
