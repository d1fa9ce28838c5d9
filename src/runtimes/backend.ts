/** What stands behind the edge of a server: where pushes go, what is read, and whether it is all there. */
import type { AlertPorts } from '../ports/alert-service.ts';
import type { EnrichmentRegistry } from '../ports/enrichment-registry.ts';
import type { KeyRegistry } from '../ports/key-registry.ts';
import type { LiveFeed } from '../ports/live-feed.ts';
import type { MetricReader } from '../ports/metric-reader.ts';
import type { PushAppender } from '../ports/push-appender.ts';

export interface Backend {
  readonly appender: PushAppender;
  readonly reader: MetricReader;
  readonly live: LiveFeed;
  readonly keys: KeyRegistry;
  /** undefined: alerting is another server's. */
  readonly alerts?: AlertPorts | undefined;
  readonly enrichments: EnrichmentRegistry;
  ready(): { readonly ready: boolean; readonly reason?: string };
  /** Finishes what waits, saves what it has, lets go of everything. */
  stop(): Promise<void>;
}
