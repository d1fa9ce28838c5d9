/** Counts the pages that transitions would have made: the incidents themselves, over a store that is thrown away, with a clock of their own. */
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { CHANNEL_TYPES, type Channel, type Notification } from '../model/incident.ts';
import type { Document, DocumentStore, DocumentWrite } from '../ports/document-store.ts';
import type { PageCounter } from './backtest.ts';
import type { PageCount } from './backtest-report.ts';
import { OUTBOX_KIND, readEntry } from './delivery-outbox.ts';
import { incidents } from './incidents.ts';

export interface TrialPagesOptions {
  /** Where the tenant's silences, maintenance, channels and routes are read. */
  readonly store: DocumentStore;
  readonly tenant: string;
  /** An empty store, for this count alone. */
  scratch(): DocumentStore;
  hostCount(tenant: string): number;
  breathe(): Promise<void>;
}

const COPIED = ['silence', 'maintenance', 'channel', 'route'] as const;
const COUNTED: readonly Notification['event'][] = ['trigger', 'update'];

export function trialPages(options: TrialPagesOptions): PageCounter {
  return {
    async count(transitions, toMs) {
      const scratch = options.scratch();
      const pages = new Map<string, ReadonlySet<string>>();
      const watched = watchedStore(scratch, (notification) => note(pages, notification));
      furnish(watched, options);
      await play(watched, transitions, toMs, options);
      return total(pages);
    },
  };
}

/** A store that tells of every notification that is put into the outbox. */
export function watchedStore(store: DocumentStore, told: (notification: Notification) => void): DocumentStore {
  const isNew = ({ kind, body, ifAbsent }: DocumentWrite): boolean =>
    kind === OUTBOX_KIND && body !== undefined && ifAbsent === true;
  return {
    get: (key) => store.get(key),
    list: (query) => store.list(query),
    expire: (kind, beforeMs, max) => store.expire(kind, beforeMs, max),
    commit(writes) {
      const changed = store.commit(writes);
      writes.forEach((write, place) => {
        if (changed[place] !== true || !isNew(write)) return;
        const entry = readEntry({ ...write, body: write.body ?? '', version: 1 });
        if (entry !== undefined) told(entry.notification);
      });
      return changed;
    },
  };
}

/** What the tenant has, and a channel for each type that it lacks: a page counts though nobody would have had it. */
function furnish(scratch: DocumentStore, { store, tenant }: TrialPagesOptions): void {
  const copies: Document[] = COPIED.flatMap((kind) => store.list({ tenant, kind, max: ALERT_LIMITS.documentsPerKindMax }));
  const types = new Set(copies.filter(({ kind }) => kind === 'channel').map(({ body }) => (JSON.parse(body) as Channel).type));
  const missing = CHANNEL_TYPES.filter((type) => !types.has(type)).map((type): DocumentWrite => {
    const channel: Omit<Channel, 'id'> = { type, settings: {}, canaryEveryMs: undefined, enabled: true };
    return { tenant, kind: 'channel', id: `trial-${type}`, atMs: 0, parent: '', body: JSON.stringify(channel) };
  });
  scratch.commit([...copies, ...missing]);
}

async function play(
  store: DocumentStore,
  transitions: readonly Transition[],
  toMs: number,
  { hostCount, breathe }: TrialPagesOptions,
): Promise<void> {
  const keeper = incidents({ store, hostCount, link: () => undefined });
  let nowMs = transitions[0]?.judgedMs ?? toMs;
  const runUntil = (untilMs: number): void => {
    for (let dueMs = keeper.nextDueMs(nowMs); dueMs !== undefined && dueMs < untilMs; dueMs = keeper.nextDueMs(nowMs)) {
      // What is due and does nothing must not hold the clock.
      nowMs = Math.max(nowMs + 1, dueMs);
      keeper.run(nowMs);
    }
  };
  for (const [judgedMs, together] of Map.groupBy(transitions, (one) => one.judgedMs)) {
    runUntil(judgedMs);
    nowMs = Math.max(nowMs, judgedMs);
    keeper.apply(together, nowMs);
    await breathe();
  }
  runUntil(toMs);
}

/** A page is one decision to tell: it counts once, to however many channels it goes. */
function note(pages: Map<string, ReadonlySet<string>>, { event, dedupKey, atMs, incident }: Notification): void {
  if (COUNTED.includes(event))
    pages.set(`${dedupKey} ${atMs}`, new Set(incident.alerts.map(({ group, rule }) => `${group}/${rule}`)));
}

function total(pages: ReadonlyMap<string, ReadonlySet<string>>): PageCount {
  const byRule = new Map<string, number>();
  for (const rules of pages.values()) for (const rule of rules) byRule.set(rule, (byRule.get(rule) ?? 0) + 1);
  return { total: pages.size, byRule };
}
