/** The history of alerts and incidents: where a line stands, and how lines are read. */
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import type { HistoryEntry } from '../model/incident.ts';
import type { HistoryQuery } from '../ports/alert-book.ts';
import type { Document, DocumentStore } from '../ports/document-store.ts';

/** Kinds of documents. What never fired is kept for a week, all else for a year. */
const HISTORY_KINDS = ['history', 'quiet'] as const;
export type HistoryDocumentKind = (typeof HISTORY_KINDS)[number];

/** A function of the transition alone: it is looked up there by its id. */
export function historyKindOf({ to, amended }: Pick<Transition, 'to' | 'amended'>): HistoryDocumentKind {
  return !amended && (to === 'pending' || to === 'inactive') ? 'quiet' : 'history';
}

/** A line of history of a transition. @param incident empty for none. */
export function transitionEntry(transition: Transition, incident: string): HistoryEntry {
  const { id, tenant, atMs, rule, client, from, to, amended, reason } = transition;
  const why = reason === undefined ? '' : ` (${reason})`;
  const text = `${rule} on ${client}: ${from} → ${to}${why}${amended ? ', corrected by late samples' : ''}`;
  return { id, tenant, incident, kind: 'transition', atMs, by: '', text, transition };
}

/**
 * A rule is called `RULE` or `GROUP/RULE`.
 * @returns lines, ascending by time, at most `max`. @throws too_many_points where more than historyScanMax would have to be looked at.
 */
export function readHistory(store: DocumentStore, query: HistoryQuery): readonly HistoryEntry[] {
  const found = HISTORY_KINDS.flatMap((kind) => readKind(store, kind, query));
  found.sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
  return found.slice(0, query.max);
}

function readKind(store: DocumentStore, kind: HistoryDocumentKind, query: HistoryQuery): HistoryEntry[] {
  const { tenant, incident: parent, fromMs, toMs, max } = query;
  const found: HistoryEntry[] = [];
  // Most lines are of others: that is seen before they are parsed.
  const needles = [query.client, query.rule?.slice(query.rule.lastIndexOf('/') + 1)].flatMap((name) => name ?? []);
  const words = needles.map((name) => JSON.stringify(name));
  let after: Document | undefined;
  for (let looked = 0; looked < ALERT_LIMITS.historyScanMax; looked += ALERT_LIMITS.incidentPageMax) {
    const page = store.list({ tenant, kind, parent, fromMs, toMs, after, max: ALERT_LIMITS.incidentPageMax });
    for (const { body } of page) {
      if (!words.every((word) => body.includes(word))) continue;
      const entry = JSON.parse(body) as HistoryEntry;
      if (isAsked(entry, query)) found.push(entry);
      if (found.length >= max) return found;
    }
    after = page.at(-1);
    if (page.length < ALERT_LIMITS.incidentPageMax) return found;
  }
  const detail = `More than ${ALERT_LIMITS.historyScanMax} lines of history lie in this stretch of time: choose a shorter one.`;
  throw new MetricStreamError('too_many_points', detail);
}

function isAsked({ transition }: HistoryEntry, { rule, client }: HistoryQuery): boolean {
  if (rule !== undefined && transition?.rule !== rule && `${transition?.group}/${transition?.rule}` !== rule) return false;
  return client === undefined || transition?.client === client;
}
