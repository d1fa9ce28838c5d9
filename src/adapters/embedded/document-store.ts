/** Documents of the control role in SQLite. */
import type { Document, DocumentQuery, DocumentStore, DocumentWrite } from '../../ports/document-store.ts';
import type { SqlDatabase, SqlValue } from '../../ports/sql-database.ts';

type Row = {
  tenant: string;
  kind: string;
  id: string;
  version: number;
  at_ms: number;
  parent: string;
  body: string;
};

const COLUMNS = 'tenant, kind, id, version, at_ms, parent, body';
const INSERT = `INSERT INTO documents (${COLUMNS}) VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT (kind, tenant, id)`;
const PUT = `${INSERT} DO UPDATE SET version = version + 1, at_ms = excluded.at_ms, parent = excluded.parent, body = excluded.body`;
const PUT_ABSENT = `${INSERT} DO NOTHING RETURNING version`;
const DELETE = 'DELETE FROM documents WHERE tenant = ? AND kind = ? AND id = ? RETURNING version';
const GET = `SELECT ${COLUMNS} FROM documents WHERE tenant = ? AND kind = ? AND id = ?`;
/** The inner query reads the index alone. */
const EXPIRE = `DELETE FROM documents WHERE (kind, tenant, id) IN
  (SELECT kind, tenant, id FROM documents WHERE kind = ? AND at_ms < ? ORDER BY at_ms, id, tenant LIMIT ?) RETURNING version`;

export function embeddedDocumentStore({ database }: { readonly database: SqlDatabase }): DocumentStore {
  const write = ({ tenant, kind, id, atMs, parent, body, ifAbsent }: DocumentWrite): boolean => {
    if (body === undefined) return database.exec(DELETE, tenant, kind, id).length > 0;
    if (ifAbsent === true) return database.exec(PUT_ABSENT, tenant, kind, id, atMs, parent, body).length > 0;
    database.exec(PUT, tenant, kind, id, atMs, parent, body);
    return true;
  };
  return {
    get({ tenant, kind, id }) {
      const [row] = database.exec<Row>(GET, tenant, kind, id);
      return row === undefined ? undefined : documentOf(row);
    },
    list(query) {
      const { sql, params } = selection(query);
      return database.exec<Row>(sql, ...params).map(documentOf);
    },
    commit: (writes) => (writes.length === 0 ? [] : database.transaction(() => writes.map(write))),
    expire: (kind, beforeMs, max) => database.exec(EXPIRE, kind, beforeMs, max).length,
  };
}

function documentOf({ at_ms: atMs, ...row }: Row): Document {
  return { ...row, atMs };
}

function selection(query: DocumentQuery): { readonly sql: string; readonly params: readonly SqlValue[] } {
  const { kind, tenant, parent, fromMs, toMs, after, max } = query;
  const [way, direction] = query.newestFirst === true ? ['<', 'DESC'] : ['>', 'ASC'];
  const conditions = ['kind = ?'];
  const params: SqlValue[] = [kind];
  const require = (condition: string, ...values: readonly SqlValue[]): void => {
    conditions.push(condition);
    params.push(...values);
  };
  if (tenant !== undefined) require('tenant = ?', tenant);
  if (parent !== undefined) require('parent = ?', parent);
  if (fromMs !== undefined) require('at_ms >= ?', fromMs);
  if (toMs !== undefined) require('at_ms < ?', toMs);
  if (after !== undefined) require(`(at_ms, id, tenant) ${way} (?, ?, ?)`, after.atMs, after.id, after.tenant);
  const order = ['at_ms', 'id', 'tenant'].map((column) => `${column} ${direction}`).join(', ');
  const sql = `SELECT ${COLUMNS} FROM documents INDEXED BY documents_by_time WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ?`;
  return { sql, params: [...params, max] };
}
