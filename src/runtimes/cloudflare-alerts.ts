/** Alerting on Workers: the control role over its object's database, its channels by fetch and by the platform's mail. */
import { bindingMailer, type SendEmailBinding } from '../adapters/durable-objects/mailer.ts';
import { fetchOutbound } from '../adapters/durable-objects/outbound.ts';
import { embeddedDocumentStore } from '../adapters/embedded/document-store.ts';
import { memoryDocumentStore } from '../adapters/memory/document-store.ts';
import { AlertControl } from '../alerts/alert-control.ts';
import { incidentLink } from '../alerts/incident-link.ts';
import { secretBox } from '../alerts/secret-box.ts';
import { targetGuard } from '../alerts/target-guard.ts';
import type { AlertControl as ControlRecord } from '../model/alert.ts';
import type { Clock } from '../ports/clock.ts';
import type { MetricReader } from '../ports/metric-reader.ts';
import type { SqlDatabase } from '../ports/sql-database.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/** Variables, secrets and bindings that alerting reads. */
export interface AlertsEnv {
  readonly METRICSTREAM_SECRET?: string;
  readonly METRICSTREAM_SECRET_PREVIOUS?: string;
  /** Where people reach the page: notifications link there. */
  readonly METRICSTREAM_PUBLIC_URL?: string;
  /** Hosts that notifications may reach by http, with commas between them: for miniflare. */
  readonly METRICSTREAM_ALERT_TARGETS?: string;
  /** Cloudflare's `send_email` binding. */
  readonly EMAIL?: SendEmailBinding;
}

export interface ObjectAlertsOptions {
  readonly env: AlertsEnv;
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly reader: MetricReader;
  /** Tells every partition of every shard. */
  publish(control: ControlRecord): Promise<void>;
}

export function objectAlerts({ env, database, clock, telemetry, reader, publish }: ObjectAlertsOptions): AlertControl {
  const url = env.METRICSTREAM_PUBLIC_URL;
  return new AlertControl({
    store: embeddedDocumentStore({ database }),
    clock,
    telemetry,
    random: Math.random,
    reader,
    notify: {
      outbound: fetchOutbound({ fetch: (target, init) => fetch(target, init), clock }),
      mailer: bindingMailer({ binding: env.EMAIL, clock }),
      policy: targetGuard({ allowTargets: targetsOf(env.METRICSTREAM_ALERT_TARGETS) }),
    },
    // Without a secret no edge lets anybody in who could hand in a channel.
    box: secretBox({ secret: env.METRICSTREAM_SECRET ?? '', previousSecret: env.METRICSTREAM_SECRET_PREVIOUS }),
    publish,
    link: (incident) => (url === undefined || url === '' ? undefined : incidentLink(url, incident)),
    scratch: memoryDocumentStore,
  });
}

function targetsOf(text = ''): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
