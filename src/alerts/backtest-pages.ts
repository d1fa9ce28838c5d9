/** Counts the pages of a backtest: the very same incidents, in memory, by a clock that goes on with the transitions. */
import type { Transition } from '../model/alert.ts';
import { BOOK_KINDS, CHANNEL_TYPES, type Channel, type Notification } from '../model/incident.ts';
import type { DocumentStore, DocumentWrite } from '../ports/document-store.ts';
import type { PageCounter } from './backtest.ts';
import type { PageCount } from './backtest-report.ts';
import { OUTBOX_KIND } from './delivery-outbox.ts';
import { type Incidents, incidents } from './incidents.ts';

export interface IncidentPagesOptions {
  readonly tenant: string;
  /** What the tenant has set up; only read. */
  readonly documents: DocumentStore;
  /** An empty store in memory. */
  readonly scratch: DocumentStore;
  /** How many hosts the tenant has. */
  readonly hosts: number;
  /** Lets others run; what it throws ends the count. */
  breathe(): Promise<void>;
}

const NOTE =
  'Pages are counted as if each were acknowledged at once, by the routes, silences and maintenance as they are now, and as if there were a channel of each type.';
/** What is written to be read by people and channels, and nobody reads here. */
const UNREAD: readonly string[] = ['history', 'quiet', OUTBOX_KIND];
/** A tenant has no more of a kind: the book sees to it. */
const DOCUMENTS_READ = 10_000;
/** Turns of the clock between two breaths. */
const TURNS_PER_BREATH = 50;

/** Counts what a person is told: news of an incident, once however many channels it goes to; no repeats, and no ends. */
export function incidentPages(options: IncidentPagesOptions): PageCounter {
  return {
    count: (transitions, toMs) => new PageTrial(options).run(transitions, toMs),
  };
}

class PageTrial {
  readonly #options: IncidentPagesOptions;
  readonly #keeper: Incidents;
  readonly #byRule = new Map<string, number>();
  #added: readonly Notification[] = [];
  #total = 0;
  #turns = 0;

  constructor(options: IncidentPagesOptions) {
    this.#options = options;
    this.#keeper = incidents({
      store: setUp(options),
      hostCount: () => options.hosts,
      link: () => undefined,
      added: (notifications) => {
        this.#added = [...this.#added, ...notifications];
      },
    });
  }

  async run(transitions: readonly Transition[], toMs: number): Promise<PageCount> {
    let at = 0;
    let nowMs = transitions[0]?.judgedMs ?? toMs;
    while (at < transitions.length) {
      const judgedMs = (transitions[at] as Transition).judgedMs;
      await this.#runTo(nowMs, judgedMs);
      nowMs = judgedMs;
      const from = at;
      while (transitions[at]?.judgedMs === judgedMs) at += 1;
      this.#keeper.apply(transitions.slice(from, at), nowMs);
      await this.#told(nowMs);
    }
    await this.#runTo(nowMs, toMs);
    return { total: this.#total, byRule: this.#byRule, notes: transitions.length > 0 ? [NOTE] : [] };
  }

  async #runTo(fromMs: number, untilMs: number): Promise<void> {
    let nowMs = fromMs;
    let dueMs = this.#keeper.nextDueMs(nowMs);
    while (dueMs !== undefined && dueMs <= untilMs) {
      nowMs = Math.max(nowMs, dueMs);
      this.#keeper.run(nowMs);
      await this.#told(nowMs);
      dueMs = this.#keeper.nextDueMs(nowMs);
      // What is due still waits for something else than the clock.
      if (dueMs !== undefined && dueMs <= nowMs) return;
    }
  }

  /** Counts what was put into the outbox, and acknowledges it. */
  async #told(nowMs: number): Promise<void> {
    const news = this.#added.filter(({ event }) => event === 'trigger' || event === 'update');
    this.#added = [];
    for (const [id, [page]] of Map.groupBy(news, ({ incident }) => incident.id)) {
      if (page === undefined) continue;
      this.#total += 1;
      const rules = new Set(page.incident.alerts.map(({ group, rule }) => `${group}/${rule}`));
      for (const rule of rules) this.#byRule.set(rule, (this.#byRule.get(rule) ?? 0) + 1);
      this.#keeper.act(this.#options.tenant, id, { kind: 'acknowledge' }, 'backtest', nowMs);
    }
    // The acknowledgements themselves are pages to nobody.
    this.#added = [];
    this.#turns += 1;
    if (this.#turns % TURNS_PER_BREATH === 0) await this.#options.breathe();
  }
}

/** A store in memory with what the tenant has set up, and a channel of each type that it has none of. */
function setUp({ tenant, documents, scratch }: IncidentPagesOptions): DocumentStore {
  const writes: DocumentWrite[] = BOOK_KINDS.filter((kind) => kind !== 'rules').flatMap((kind) =>
    documents.list({ tenant, kind, max: DOCUMENTS_READ }).map(({ version: _, ...document }) => document),
  );
  const types = new Set(
    writes.filter(({ kind }) => kind === 'channel').map(({ body }) => (JSON.parse(body ?? '{}') as Channel).type),
  );
  for (const type of CHANNEL_TYPES) {
    if (types.has(type)) continue;
    const channel = { type, settings: {}, canaryEveryMs: undefined, enabled: true } satisfies Omit<Channel, 'id'>;
    writes.push({ tenant, kind: 'channel', id: `backtest-${type}`, atMs: 0, parent: '', body: JSON.stringify(channel) });
  }
  scratch.commit(writes);
  return {
    get: (key) => scratch.get(key),
    list: (query) => scratch.list(query),
    expire: (kind, beforeMs, max) => scratch.expire(kind, beforeMs, max),
    commit: (all) => {
      scratch.commit(all.filter(({ kind }) => !UNREAD.includes(kind)));
      return all.map(() => true);
    },
  };
}
