/** Tables of enrichments in memory, looked up by client: what every registry finds in. */
import type { Enrichment } from '../../model/enrichment.ts';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { EnrichmentJournal, EnrichmentRegistry, EnrichmentTable } from '../../ports/enrichment-registry.ts';
import { decodeEnrichments, NO_ENRICHMENTS } from '../../protocols/enrichment-table.ts';

export interface KnownEnrichments extends Pick<EnrichmentRegistry, 'find'>, EnrichmentJournal {
  of(tenant: string): EnrichmentTable;
  /** The highest version of all. */
  newest(): number;
  /** Takes a table over, unless one of its version or a higher one is known. @returns whether it did. @throws corrupt_data */
  take(table: EnrichmentTable): boolean;
  /** @throws unavailable where there is no room for it */
  check(table: EnrichmentTable): void;
}

export function knownEnrichments(): KnownEnrichments {
  const tables = new Map<string, EnrichmentTable>();
  /** Tenants whose table is empty do not stand here. */
  const rows = new Map<string, Map<string, Enrichment>>();
  let newest = 0;
  let length = 0;
  const of = (tenant: string): EnrichmentTable => tables.get(tenant) ?? { tenant, version: 0, text: NO_ENRICHMENTS };
  return {
    of,
    newest: () => newest,
    find: (tenant, client) => rows.get(tenant)?.get(client),
    since: (version) => [...tables.values()].filter((table) => table.version > version),
    take(table) {
      const { tenant, version, text } = table;
      const before = of(tenant);
      if (version <= before.version) return false;
      const clients = decodeEnrichments(text);
      tables.set(tenant, table);
      if (clients.size === 0) rows.delete(tenant);
      else rows.set(tenant, clients);
      newest = Math.max(newest, version);
      length += text.length - before.text.length;
      return true;
    },
    check({ tenant, text }) {
      const grown = text.length - of(tenant).text.length;
      if (grown > 0 && length + grown > LIMITS.enrichmentsBytesMax)
        throw new MetricStreamError('unavailable', 'The tables of enrichments of all tenants have no room for that.');
    },
  };
}
