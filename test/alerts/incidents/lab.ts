/** A control side on a memory store, whose time the test moves. */

import { memoryDocumentStore } from '../../../src/adapters/memory/document-store.ts';
import { OUTBOX_KIND, type OutboxEntry } from '../../../src/alerts/delivery-outbox.ts';
import { readHistory } from '../../../src/alerts/history.ts';
import { type Incidents, incidents } from '../../../src/alerts/incidents.ts';
import type { AlertState, Transition } from '../../../src/model/alert.ts';
import type { AlertRoute, Channel, Incident, Maintenance, Notification, Silence } from '../../../src/model/incident.ts';
import type { Document, DocumentStore } from '../../../src/ports/document-store.ts';

export const START_MS = 1_780_000_000_000;
export const MINUTE_MS = 60_000;
export const TENANT = 'acme';

export const PAGER: Channel = { id: 'pager', type: 'pagerduty', settings: {}, canaryEveryMs: undefined, enabled: true };
export const MAIL: Channel = { ...PAGER, id: 'mail', type: 'email' };
export const SLACK: Channel = { ...PAGER, id: 'slack', type: 'slack' };
export const HOOK: Channel = { ...PAGER, id: 'hook', type: 'webhook' };

export interface Lab {
  readonly store: DocumentStore;
  nowMs: number;
  hosts: number;
  keeper: Incidents;
  /** What was told to be in the outbox. */
  readonly added: Notification[];
  /** Forgets what is only in memory. */
  crash(): void;
  /** Time goes on; what is due on the way is done when it is. */
  pass(ms: number): void;
  /** Transitions come in now. */
  take(...transitions: readonly Transition[]): void;
  set(kind: 'channel', body: Channel): void;
  set(kind: 'route', body: AlertRoute): void;
  set(kind: 'silence', body: Silence): void;
  set(kind: 'maintenance', body: Maintenance): void;
  unset(kind: string, id: string): void;
  pages(): Notification[];
  /** `event channel`, in order. */
  told(): string[];
  all(): Incident[];
  /** The only one. */
  one(): Incident;
  history(incident: string): string[];
}

export function lab(...channels: readonly Channel[]): Lab {
  const store = memoryDocumentStore();
  const added: Notification[] = [];
  const open = () =>
    incidents({
      store,
      hostCount: () => self.hosts,
      link: (tenant, id) => `https://metrics.test/${tenant}/${id}`,
      added: (notifications) => added.push(...notifications),
    });
  const list = (kind: string): Document[] => store.list({ tenant: undefined, kind, max: 100_000 });
  const change = (kind: string, id: string, body: string | undefined): void => {
    store.commit([{ tenant: TENANT, kind, id, atMs: self.nowMs, parent: '', body }]);
    self.keeper.changed(TENANT);
  };
  const self: Lab = {
    store,
    nowMs: START_MS,
    hosts: 100,
    added,
    keeper: undefined as unknown as Incidents,
    crash: () => {
      self.keeper = open();
    },
    pass(ms) {
      const untilMs = self.nowMs + ms;
      for (let dueMs = self.keeper.nextDueMs(self.nowMs); dueMs !== undefined && dueMs <= untilMs; ) {
        self.nowMs = Math.max(self.nowMs, dueMs);
        self.keeper.run(self.nowMs);
        const nextMs = self.keeper.nextDueMs(self.nowMs);
        if (nextMs !== undefined && nextMs <= self.nowMs) throw new Error('what was due is due still');
        dueMs = nextMs;
      }
      self.nowMs = untilMs;
      self.keeper.run(self.nowMs);
    },
    take: (...transitions) => self.keeper.apply(transitions, self.nowMs),
    set: (kind: string, { id, ...body }: { readonly id: string }) => change(kind, id, JSON.stringify(body)),
    unset: (kind, id) => change(kind, id, undefined),
    pages: () =>
      list(OUTBOX_KIND)
        .map(({ body }) => (JSON.parse(body) as OutboxEntry).notification)
        .sort(byAge),
    told: () => self.pages().map(({ event, channel }) => `${event} ${channel}`),
    all: () => list('incident').map(({ body }) => JSON.parse(body) as Incident),
    one() {
      const [only, more] = self.all();
      if (only === undefined || more !== undefined) throw new Error(`there are ${self.all().length} incidents`);
      return only;
    },
    history: (incident) => {
      const asked = {
        tenant: TENANT,
        incident,
        rule: undefined,
        client: undefined,
        fromMs: 0,
        toMs: Number.MAX_SAFE_INTEGER,
        max: 1_000,
      };
      return readHistory(store, asked).map(({ kind }) => kind);
    },
  };
  self.crash();
  for (const channel of channels) self.set('channel', channel);
  return self;
}

function byAge(a: Notification, b: Notification): number {
  return a.atMs - b.atMs || a.id.length - b.id.length || (a.id < b.id ? -1 : 1);
}

export type Change = Partial<Transition> & { readonly rule?: string; readonly client?: string };

/** A transition of the rule on the host, at a time. */
export function move(from: AlertState, to: AlertState, atMs: number, change: Change = {}): Transition {
  const { rule = 'CpuHigh', client = 'web-1' } = change;
  const alert = `${rule}/${client}/${JSON.stringify(change.labels ?? {})}`;
  return {
    id: `${alert}-${atMs}-${to}${change.amended === true ? '-late' : ''}`,
    tenant: TENANT,
    client,
    datacenter: 'eu',
    environment: undefined,
    group: 'builtin',
    rule,
    rulesVersion: 0,
    alert,
    severity: 'critical',
    labels: {},
    annotations: {},
    from,
    to,
    amended: false,
    reason: undefined,
    onsetMs: atMs - 5 * MINUTE_MS,
    atMs,
    windowMs: atMs - MINUTE_MS,
    judgedMs: atMs,
    values: { 'avg(cpu)': 97 },
    explanations: [],
    ...change,
  };
}

export const fires = (atMs: number, change?: Change): Transition => move('pending', 'firing', atMs, change);
export const ends = (atMs: number, change?: Change): Transition => move('firing', 'resolved', atMs, change);

export const ROUTE: AlertRoute = {
  id: 'one',
  match: {},
  channels: ['mail'],
  groupBy: ['rule'],
  groupWaitMs: 30_000,
  groupIntervalMs: 5 * MINUTE_MS,
  repeatMs: 240 * MINUTE_MS,
  escalateAfterMs: undefined,
  escalateTo: [],
};
