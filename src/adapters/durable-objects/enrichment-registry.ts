/** Tables of enrichments that control keeps, as an edge knows them: asked for again when they may be too old. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { EnrichmentRegistry, EnrichmentTable } from '../../ports/enrichment-registry.ts';
import type { EnrichmentKeeper } from '../../ports/shard-service.ts';
import { CALL_VERSION } from '../../protocols/shard-reply.ts';
import { knownEnrichments } from '../embedded/known-enrichments.ts';
import { refreshing } from './refreshing.ts';
import { ask } from './remote.ts';

export function remoteEnrichmentRegistry({ control }: { control(): EnrichmentKeeper }): EnrichmentRegistry {
  const known = knownEnrichments();
  /** Takes over all that is newer than what is known. @returns whether the table was put in its place before. */
  const exchange = async (replacing?: EnrichmentTable): Promise<boolean> => {
    const { replaced, tables } = await ask(
      control().enrichments({ version: CALL_VERSION, sinceVersion: known.newest(), replacing }),
    );
    for (const table of tables) known.take(table);
    return replaced;
  };
  return {
    refresh: refreshing({
      refreshMs: LIMITS.enrichmentRefreshMs,
      askMs: LIMITS.enrichmentAskMs,
      ageMsMax: LIMITS.enrichmentMs,
      staleMs: LIMITS.enrichmentStaleMs,
      ask: () => exchange().then(() => undefined, passOverEarlier),
    }),
    find: known.find,
    async read(tenant) {
      await exchange();
      return known.of(tenant);
    },
    replace: async (table) => ((await exchange(table)) ? known.of(table.tenant) : undefined),
  };
}

/** After a deploy control may be of the version before, which knows of no tables: a call that it does not have is a TypeError. */
function passOverEarlier(error: unknown): void {
  if (!(error instanceof MetricStreamError && error.cause instanceof TypeError)) throw error;
}
