/** Documents in memory: a fake that keeps the promises of the port, for tests and backtests. */
import type { Document, DocumentKey, DocumentQuery, DocumentStore, DocumentWrite } from '../../ports/document-store.ts';

export function memoryDocumentStore(): DocumentStore {
  const kinds = new Map<string, Map<string, Document>>();
  const of = (kind: string): Map<string, Document> => {
    const known = kinds.get(kind) ?? new Map<string, Document>();
    kinds.set(kind, known);
    return known;
  };
  const write = ({ tenant, kind, id, atMs, parent, body, ifAbsent }: DocumentWrite): boolean => {
    const documents = of(kind);
    const key = keyOf({ tenant, id });
    if (body === undefined) return documents.delete(key);
    const before = documents.get(key);
    if (before !== undefined && ifAbsent === true) return false;
    documents.set(key, { tenant, kind, id, version: (before?.version ?? 0) + 1, atMs, parent, body });
    return true;
  };
  return {
    get: (key) => kinds.get(key.kind)?.get(keyOf(key)),
    list(query) {
      const found = [...(kinds.get(query.kind)?.values() ?? [])].filter((document) => isAsked(document, query));
      found.sort(query.newestFirst === true ? (a, b) => compare(b, a) : compare);
      return found.slice(0, query.max);
    },
    commit: (writes) => writes.map(write),
    expire(kind, beforeMs, max) {
      const documents = of(kind);
      const old = [...documents.values()].filter(({ atMs }) => atMs < beforeMs).sort(compare);
      for (const document of old.slice(0, max)) documents.delete(keyOf(document));
      return Math.min(old.length, max);
    },
  };
}

function keyOf({ tenant, id }: Pick<DocumentKey, 'tenant' | 'id'>): string {
  return `${tenant}\u0000${id}`;
}

type Place = Pick<Document, 'atMs' | 'id' | 'tenant'>;

function compare(a: Place, b: Place): number {
  if (a.atMs !== b.atMs) return a.atMs - b.atMs;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  if (a.tenant === b.tenant) return 0;
  return a.tenant < b.tenant ? -1 : 1;
}

function isAsked(document: Document, query: DocumentQuery): boolean {
  const { tenant, parent, fromMs, toMs, after, newestFirst } = query;
  if (tenant !== undefined && document.tenant !== tenant) return false;
  if (parent !== undefined && document.parent !== parent) return false;
  if (fromMs !== undefined && document.atMs < fromMs) return false;
  if (toMs !== undefined && document.atMs >= toMs) return false;
  if (after === undefined) return true;
  const order = compare(document, after);
  return newestFirst === true ? order < 0 : order > 0;
}
