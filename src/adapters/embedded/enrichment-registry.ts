/** Tables of enrichments in SQLite, held in memory for the hot path. */
import type { EnrichmentJournal, EnrichmentRegistry, EnrichmentTable } from '../../ports/enrichment-registry.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';
import { knownEnrichments } from './known-enrichments.ts';

/** An emptied table stays as an empty row: whoever follows has to hear of it. */
export function embeddedEnrichmentRegistry({
  database,
}: {
  readonly database: SqlDatabase;
}): EnrichmentRegistry & EnrichmentJournal {
  const known = knownEnrichments();
  for (const { tenant, version, body } of database.exec<{ tenant: string; version: number; body: string }>(
    'SELECT tenant, version, body FROM enrichments',
  ))
    known.take({ tenant, version, text: body });
  return {
    find: known.find,
    since: known.since,
    read: async (tenant) => known.of(tenant),
    async replace(table) {
      if (known.of(table.tenant).version !== table.version) return undefined;
      known.check(table);
      const next: EnrichmentTable = { ...table, version: known.newest() + 1 };
      database.exec(
        'INSERT INTO enrichments VALUES (?, ?, ?) ON CONFLICT (tenant) DO UPDATE SET version = excluded.version, body = excluded.body',
        next.tenant,
        next.version,
        next.text,
      );
      known.take(next);
      return next;
    },
  };
}
