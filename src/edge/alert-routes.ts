/** Every route of alerting: none where a server has no alerts. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { Decompression } from '../ports/decompression.ts';
import { documentRows, knownId } from './alert-documents.ts';
import { incidentRows } from './alert-incidents.ts';
import { PROMETHEUS_OPERATIONS, TEST_CHANNEL } from './alert-operations.ts';
import { ruleRows } from './alert-rules.ts';
import { type Alerting, type Ask, askWithin } from './alerting.ts';
import type { MakeDeadlines } from './deadlines.ts';
import { pathParameter } from './path-match.ts';
import { prometheusAlertsAnswer, prometheusProblemOf, prometheusRulesAnswer, ruleChoiceOf } from './prometheus-answers.ts';
import type { QueryRunner } from './query-runner.ts';
import type { MakeRow, Route } from './route.ts';

export interface AlertRouteOptions {
  readonly alerts?: Alerting;
  readonly clock: Clock;
  readonly random: () => number;
  readonly decompression: Decompression;
  readonly deadlines: MakeDeadlines;
  readonly runner: QueryRunner;
  readonly row: MakeRow;
}

export function alertRoutes(options: AlertRouteOptions): readonly Route[] {
  const { alerts, clock, deadlines, row } = options;
  if (alerts === undefined) return [];
  const bodyWait = deadlines(clock, LIMITS.requestTimeoutMs);
  const ask = askWithin(bodyWait);
  const askTrial = askWithin(deadlines(clock, ALERT_LIMITS.backtestTimeoutMs));
  const all = { ...options, alerts, bodyWait, ask, askTrial };
  return [
    ...ruleRows(all),
    ...documentRows(all),
    testChannelRow(alerts, ask, row),
    ...incidentRows(all),
    ...prometheusRows(alerts, ask, row),
  ];
}

function testChannelRow({ trial }: Alerting, ask: Ask, row: MakeRow): Route {
  const path = '/api/v1/channels/{id}/test';
  return row(
    'POST',
    path,
    'admin',
    async ({ request, principal }) => {
      const result = await ask(trial.testChannel(principal.tenant, knownId(pathParameter(path, request.url))));
      if (result === undefined) throw new MetricStreamError('not_found');
      return Response.json({ delivered: result.delivered, detail: result.detail });
    },
    TEST_CHANNEL,
  );
}

function prometheusRows({ trial }: Alerting, ask: Ask, row: MakeRow): readonly Route[] {
  return [
    row(
      'GET',
      '/prometheus/api/v1/rules',
      'read',
      async ({ request, principal }) => {
        const choice = ruleChoiceOf(request.url);
        const [{ rules }, alerts] = await ask(Promise.all([trial.rules(principal.tenant), trial.alerts(principal.tenant)]));
        return Response.json(prometheusRulesAnswer(rules, alerts, choice));
      },
      PROMETHEUS_OPERATIONS.rules,
      prometheusProblemOf,
    ),
    row(
      'GET',
      '/prometheus/api/v1/alerts',
      'read',
      async ({ principal }) => {
        return Response.json(prometheusAlertsAnswer(await ask(trial.alerts(principal.tenant))));
      },
      PROMETHEUS_OPERATIONS.alerts,
      prometheusProblemOf,
    ),
  ];
}
