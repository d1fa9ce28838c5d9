/** Tables of enrichments in memory: a fake that keeps the promises of the port, for tests. */
import type { EnrichmentJournal, EnrichmentRegistry } from '../../ports/enrichment-registry.ts';
import { knownEnrichments } from '../embedded/known-enrichments.ts';

export function memoryEnrichmentRegistry(): EnrichmentRegistry & EnrichmentJournal {
  const known = knownEnrichments();
  return {
    find: known.find,
    since: known.since,
    read: async (tenant) => known.of(tenant),
    async replace(table) {
      if (known.of(table.tenant).version !== table.version) return undefined;
      known.check(table);
      known.take({ ...table, version: known.newest() + 1 });
      return known.of(table.tenant);
    },
  };
}
