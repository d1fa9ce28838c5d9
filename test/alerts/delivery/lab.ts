/** An outbox with channels that do as they are told, a clock that the test moves, and crashes. */
import { memoryDocumentStore } from '../../../src/adapters/memory/document-store.ts';
import { type MemoryTelemetry, memoryTelemetry } from '../../../src/adapters/memory/telemetry.ts';
import { type Deliverer, type DeliverOptions, deliverer } from '../../../src/alerts/deliver.ts';
import { outboxWrite } from '../../../src/alerts/delivery-outbox.ts';
import { CHANNEL_TYPES, type ChannelType, type Notification } from '../../../src/model/incident.ts';
import type { DocumentStore } from '../../../src/ports/document-store.ts';
import type { DeliveryOutcome, Notifier, OpenChannel } from '../../../src/ports/notifier.ts';
import { type ManualClock, manualClock } from '../../agent/manual-clock.ts';
import { channelOf, incidentOf, notificationOf } from '../notifiers/pages.ts';

export const DELIVERED: DeliveryOutcome = { kind: 'delivered', detail: 'ok' };
export const BUSY: DeliveryOutcome = { kind: 'retry', reason: 'busy', retryAfterMs: undefined };
export const REFUSED: DeliveryOutcome = { kind: 'refused', reason: 'no' };

/** With the ids that the writer of incidents gives. */
export function page(channel: string, incident: string, sequence: number, changes: Partial<Notification> = {}): Notification {
  const id = `acme:${incident}:${sequence}:${channel}`;
  return notificationOf(sequence === 0 ? 'trigger' : 'update', {
    id,
    channel,
    incident: incidentOf({ id: incident }),
    ...changes,
  });
}

export interface Lab {
  readonly store: DocumentStore;
  readonly clock: ManualClock;
  readonly telemetry: MemoryTelemetry;
  /** Ids in the order in which they reached the channel's end, whatever came of it. */
  readonly tried: string[];
  readonly told: [id: string, ok: boolean, detail: string][];
  channels: Map<string, OpenChannel>;
  /** What comes of a page. */
  answer: (notification: Notification) => DeliveryOutcome | Promise<DeliveryOutcome>;
  /** Into the store only, as a writer does before a crash. */
  put(...pages: readonly Notification[]): void;
  open(changes?: Partial<DeliverOptions>): Deliverer;
  waiting(): readonly string[];
  count(outcome: string): number;
}

export function deliveryLab(store: DocumentStore = memoryDocumentStore()): Lab {
  const clock = manualClock();
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs });
  const lab: Lab = {
    store,
    clock,
    telemetry,
    tried: [],
    told: [],
    channels: new Map(['a', 'b', 'c'].map((id) => [id, { ...channelOf('webhook', {}), id }])),
    answer: () => DELIVERED,
    put(...pages) {
      store.commit(pages.map((one) => outboxWrite(one, clock.nowMs())));
    },
    open(changes = {}) {
      const notifier: Notifier = {
        async send(notification) {
          lab.tried.push(notification.id);
          return lab.answer(notification);
        },
      };
      const notifiers = Object.fromEntries(CHANNEL_TYPES.map((type) => [type, notifier])) as Record<ChannelType, Notifier>;
      return deliverer({
        store,
        clock,
        telemetry,
        notifiers,
        openChannel: async (_tenant, id) => lab.channels.get(id),
        done: (id, ok, detail) => void lab.told.push([id, ok, detail]),
        random: () => 0.5,
        ...changes,
      });
    },
    waiting: () => store.list({ tenant: undefined, kind: 'outbox', max: 1_000 }).map(({ id }) => id),
    count(outcome) {
      const family = telemetry.families().find(({ name }) => name === 'metricstream_notifications_total');
      const samples = family?.type === 'counter' ? family.samples : [];
      return samples.filter(({ labels }) => labels.outcome === outcome).reduce((sum, { value }) => sum + value, 0);
    },
  };
  return lab;
}
