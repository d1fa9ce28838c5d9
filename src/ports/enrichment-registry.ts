/** What the edge adds to pushes, a table for each tenant, by client. */
import type { Enrichment } from '../model/enrichment.ts';

export interface EnrichmentTable {
  readonly tenant: string;
  /** Of its content: it rises with each change; 0 where there never was one. */
  readonly version: number;
  /** protocols/enrichment-table.ts */
  readonly text: string;
}

export interface EnrichmentRegistry {
  /**
   * Where what is known here may be older than a change may take: resolves when it is not, or throws `unavailable`.
   * undefined, or left out: it is fresh.
   */
  refresh?(nowMs: number): Promise<void> | undefined;
  /** Known locally, so that the hot path can ask each time; a change shows within 30 s everywhere. The same object until the table changes. */
  find(tenant: string, client: string): Enrichment | undefined;
  /** The table as it is now, with all that this registry was told. */
  read(tenant: string): Promise<EnrichmentTable>;
  /**
   * Puts the text in the place of the version that it names; durable, and found here, when it resolves.
   * @returns the table with its new version; undefined where another change came first: nothing is changed then.
   * @throws `unavailable` when all tables together have enrichmentsBytesMax, or when nobody knows: then it may be changed, and read says so.
   */
  replace(table: EnrichmentTable): Promise<EnrichmentTable | undefined>;
}

/** What only the one place knows that keeps all tables. */
export interface EnrichmentJournal {
  /** The tables that have a higher version; versions of all tenants are one sequence here. */
  since(version: number): readonly EnrichmentTable[];
}
