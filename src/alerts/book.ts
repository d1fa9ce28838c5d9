/** The alert book: rules, silences, maintenance, channels and routes of a tenant; every change of them is checked and audited. */

import type { RuleSpec } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { BookKind } from '../model/incident.ts';
import type { AlertBook, AuditEntry, BookProblem, Change, ChangeOutcome, Entry } from '../ports/alert-book.ts';
import type { Document, DocumentKey, DocumentStore, DocumentWrite } from '../ports/document-store.ts';
import { type ChannelOptions, checkChannel, type StoredChannel, shownChannel } from './book-channel.ts';
import { type Checked, checkPlain, idProblem, problem, RULE_FILE_ID } from './book-schema.ts';

export interface AlertBookOptions extends ChannelOptions {
  readonly store: DocumentStore;
  nowMs(): number;
  /** @returns the rules of a file, or what is wrong with it. */
  checkRules(text: string): readonly RuleSpec[] | readonly BookProblem[];
  /** The rule file of a tenant was changed. */
  rulesChanged(tenant: string): void;
  /** Silences, maintenance, channels or routes of a tenant were changed. */
  changed(tenant: string): void;
}

export function alertBook(options: AlertBookOptions): AlertBook {
  return new Book(options);
}

/** The rule file of a tenant. Its version rises with each change, also with its removal, after which it has no text. */
export function ruleFileOf(
  store: DocumentStore,
  tenant: string,
): { readonly version: number; readonly text: string | undefined } {
  const document = store.get({ tenant, kind: 'rules', id: RULE_FILE_ID });
  if (document === undefined) return { version: 0, text: undefined };
  return { version: document.version, text: (JSON.parse(document.body) as StoredRules).text };
}

interface StoredRules {
  /** Left out: it was removed. */
  readonly text?: string;
}

const COUNT_MAX: Readonly<Record<BookKind, number>> = {
  rules: 1,
  silence: ALERT_LIMITS.silencesMax,
  maintenance: ALERT_LIMITS.maintenancesMax,
  channel: ALERT_LIMITS.channelsMax,
  route: ALERT_LIMITS.routesMax,
};

/** Between the check of a channel and its commit another change may come; then it is checked again. */
const TRIES = 3;
const AUDIT_KIND = 'audit';

class Book implements AlertBook {
  readonly #options: AlertBookOptions;

  constructor(options: AlertBookOptions) {
    this.#options = options;
  }

  async list(tenant: string, kind: BookKind): Promise<readonly Entry[]> {
    const documents = this.#documents(tenant, kind).sort((a, b) => (a.id < b.id ? -1 : 1));
    return documents.map((document) => entryOf(document));
  }

  async put(change: Change, body: unknown): Promise<ChangeOutcome> {
    const badId = idProblem(change.kind, change.id);
    if (badId !== undefined) return { kind: 'invalid', problems: [badId] };
    for (let tries = 0; tries < TRIES; tries++) {
      const before = this.#present(change);
      const stale = staleness(change, before);
      if (stale !== undefined) return stale;
      const checked = await this.#check(change, body, before);
      if (!checked.ok) return { kind: 'invalid', problems: checked.problems };
      if (this.#present(change)?.version !== before?.version) continue;
      const full = before === undefined && this.#documents(change.tenant, change.kind).length >= COUNT_MAX[change.kind];
      if (full) return { kind: 'invalid', problems: [problem('', `there may be ${COUNT_MAX[change.kind]} of them`)] };
      return this.#keep(change, checked.value, before);
    }
    return { kind: 'stale', version: this.#present(change)?.version ?? 0 };
  }

  #keep(change: Change, value: object, before: Document | undefined): ChangeOutcome {
    const changedMs = this.#options.nowMs();
    const by = before === undefined ? change.actor : ((JSON.parse(before.body) as { by?: string }).by ?? change.actor);
    const body = { ...value, by, changedMs };
    // A silence is sorted, and forgotten, by its end.
    const atMs = change.kind === 'silence' ? (value as { endsMs: number }).endsMs : changedMs;
    this.#commit(change, before === undefined ? 'create' : 'change', { atMs, parent: '', body: JSON.stringify(body) });
    const kept = this.#present(change);
    return { kind: 'done', entry: kept === undefined ? undefined : entryOf(kept) };
  }

  async remove(change: Change): Promise<ChangeOutcome> {
    const before = this.#present(change);
    if (before === undefined) return { kind: 'absent' };
    const stale = staleness(change, before);
    if (stale !== undefined) return stale;
    const users = change.kind === 'channel' ? this.#routesTo(change.tenant, change.id) : [];
    if (users.length > 0) return { kind: 'invalid', problems: [problem('', `routes name it: ${users.join(', ')}`)] };
    const atMs = this.#options.nowMs();
    // Versions of rules never fall: what judges by them takes the highest.
    const body = change.kind === 'rules' ? JSON.stringify({ changedMs: atMs }) : undefined;
    this.#commit(change, 'remove', { atMs, parent: '', body });
    return { kind: 'done', entry: undefined };
  }

  async audit(tenant: string, fromMs: number, max: number): Promise<readonly AuditEntry[]> {
    const found = this.#options.store.list({ tenant, kind: AUDIT_KIND, fromMs, newestFirst: true, max });
    return found.map(({ body }) => JSON.parse(body) as AuditEntry);
  }

  /** What is there for those who ask; not a rule file that was removed. */
  #present(key: DocumentKey): Document | undefined {
    const document = this.#options.store.get({ tenant: key.tenant, kind: key.kind, id: key.id });
    return document !== undefined && isPresent(document) ? document : undefined;
  }

  #documents(tenant: string, kind: BookKind): Document[] {
    return this.#options.store.list({ tenant, kind, max: COUNT_MAX[kind] }).filter(isPresent);
  }

  async #check({ tenant, kind, id }: Change, body: unknown, before: Document | undefined): Promise<Checked<object>> {
    if (kind === 'rules') return this.#checkRules(body);
    if (kind === 'channel') {
      const stored = before === undefined ? undefined : (JSON.parse(before.body) as StoredChannel);
      return checkChannel(this.#options, { tenant, id }, body, stored);
    }
    const checked = checkPlain(kind, body, this.#options.nowMs());
    return checked.ok && kind === 'route' ? this.#checkTargets(tenant, checked) : checked;
  }

  #checkRules(body: unknown): Checked<StoredRules> {
    if (typeof body !== 'string') return { ok: false, problems: [problem('', 'has to be the text of a rule file')] };
    const found = this.#options.checkRules(body);
    const problems = found.filter((one): one is BookProblem => 'message' in one);
    return problems.length > 0 ? { ok: false, problems } : { ok: true, value: { text: body } };
  }

  /** A route to a channel that is not there would be a page that nobody gets. */
  #checkTargets(tenant: string, checked: Checked<object> & { readonly ok: true }): Checked<object> {
    const { channels, escalateTo } = checked.value as {
      readonly channels: readonly string[];
      readonly escalateTo: readonly string[];
    };
    const known = new Set(this.#documents(tenant, 'channel').map(({ id }) => id));
    const missing = (path: string, ids: readonly string[]): BookProblem[] =>
      ids.filter((id) => !known.has(id)).map((id) => problem(path, `there is no channel ${id}`));
    const problems = [...missing('channels', channels), ...missing('escalateTo', escalateTo)];
    return problems.length > 0 ? { ok: false, problems } : checked;
  }

  #routesTo(tenant: string, channel: string): string[] {
    const uses = ({ body }: Document): boolean => {
      const { channels, escalateTo } = JSON.parse(body) as { channels: readonly string[]; escalateTo: readonly string[] };
      return channels.includes(channel) || escalateTo.includes(channel);
    };
    return this.#documents(tenant, 'route')
      .filter(uses)
      .map(({ id }) => id);
  }

  #commit({ tenant, kind, id, actor }: Change, action: string, write: Pick<DocumentWrite, 'atMs' | 'parent' | 'body'>): void {
    const { store, changed, rulesChanged } = this.#options;
    const atMs = this.#options.nowMs();
    store.commit([{ ...write, tenant, kind, id }, auditWrite(store, tenant, { atMs, actor, action, kind, id })]);
    if (kind === 'rules') rulesChanged(tenant);
    else changed(tenant);
  }
}

const AUDIT_DIGITS = 6;

/** @returns a line of the audit log, to be committed before another of the tenant is made. */
export function auditWrite(store: DocumentStore, tenant: string, entry: AuditEntry): DocumentWrite {
  const { atMs } = entry;
  const [last] = store.list({ tenant, kind: AUDIT_KIND, fromMs: atMs, toMs: atMs + 1, newestFirst: true, max: 1 });
  // Ids rise within a ms, too.
  const next = last === undefined ? 0 : Number(last.id.slice(last.id.indexOf('.') + 1)) + 1;
  const id = `${atMs}.${String(next).padStart(AUDIT_DIGITS, '0')}`;
  return { tenant, kind: AUDIT_KIND, id, atMs, parent: '', body: JSON.stringify(entry) };
}

function isPresent({ kind, body }: Document): boolean {
  return kind !== 'rules' || (JSON.parse(body) as StoredRules).text !== undefined;
}

function staleness({ ifVersion }: Change, before: Document | undefined): ChangeOutcome | undefined {
  const version = before?.version ?? 0;
  return ifVersion === undefined || ifVersion === version ? undefined : { kind: 'stale', version };
}

/** `by` stands where the kind has it; a rule file is its text. */
function entryOf({ kind, id, version, body }: Document): Entry {
  const { changedMs, by, ...rest } = JSON.parse(body) as { changedMs: number; by: string };
  return { id, version, changedMs, body: shownBody(kind, rest, by) };
}

function shownBody(kind: string, stored: object, by: string): unknown {
  if (kind === 'rules') return (stored as StoredRules).text;
  if (kind === 'channel') return shownChannel(stored as StoredChannel);
  return kind === 'route' ? stored : { ...stored, by };
}
