/** What the edge adds to the pushes of one client, as its tenant's table says. */
import type { Labels } from './series.ts';

export interface Enrichment {
  readonly datacenter: string | undefined;
  readonly environment: string | undefined;
  /** The same object for equal tags of one table: what is made of them can be remembered by it. undefined: none. */
  readonly tags: Labels | undefined;
}
