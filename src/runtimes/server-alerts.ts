/** Alerting on a server: the control role over the server's database, its channels over this host's network. */
import { embeddedDocumentStore } from '../adapters/embedded/document-store.ts';
import { memoryDocumentStore } from '../adapters/memory/document-store.ts';
import { smtpMailer } from '../adapters/node/mailer.ts';
import { nodeOutbound } from '../adapters/node/outbound.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { AlertControl } from '../alerts/alert-control.ts';
import { incidentLink } from '../alerts/incident-link.ts';
import { secretBox } from '../alerts/secret-box.ts';
import { targetGuard } from '../alerts/target-guard.ts';
import type { Secrets } from '../edge/keys.ts';
import type { AlertControl as ControlRecord } from '../model/alert.ts';
import type { MetricReader } from '../ports/metric-reader.ts';
import type { SqlDatabase } from '../ports/sql-database.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { ServerConfig } from './config.ts';

export interface ServerAlertsOptions {
  readonly config: Pick<ServerConfig, 'publicUrl' | 'alertTargets'>;
  readonly database: SqlDatabase;
  readonly reader: MetricReader;
  readonly secrets: Secrets;
  readonly telemetry: Telemetry;
  publish(control: ControlRecord): Promise<void>;
}

export function serverAlerts({ config, database, reader, secrets, telemetry, publish }: ServerAlertsOptions): AlertControl {
  return new AlertControl({
    store: embeddedDocumentStore({ database }),
    clock: systemClock(),
    telemetry,
    random: Math.random,
    reader,
    notify: {
      outbound: nodeOutbound(),
      mailer: smtpMailer(),
      policy: targetGuard({ allowTargets: config.alertTargets }),
    },
    box: secretBox({ secret: secrets.current, previousSecret: secrets.previous }),
    publish,
    link: (incident) => (config.publicUrl === undefined ? undefined : incidentLink(config.publicUrl, incident)),
    scratch: memoryDocumentStore,
  });
}
