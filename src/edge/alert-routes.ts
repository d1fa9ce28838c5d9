/** Every route of alerting on this page: none where a server has no alerts. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { Decompression } from '../ports/decompression.ts';
import { activeAlertAnswer, auditAnswer } from './alert-answers.ts';
import { DOCUMENT_KINDS, documentHandlers, documentPath, knownId } from './alert-documents.ts';
import { INCIDENT_PATH, incidentHandlers, stretchOf } from './alert-incidents.ts';
import {
  BOOK_OPERATIONS,
  documentOperations,
  INCIDENT_OPERATIONS as incidentOp,
  PROMETHEUS_OPERATIONS as prometheusOp,
  RULE_OPERATIONS as ruleOp,
} from './alert-operations.ts';
import { ruleHandlers } from './alert-rules.ts';
import { auditQuery } from './alert-schemas.ts';
import { type Alerting, type Ask, askWithin } from './alerting.ts';
import { checkQuery } from './checking.ts';
import type { MakeDeadlines } from './deadlines.ts';
import { clientParameter, pathParameter } from './path-match.ts';
import { prometheusAlertsAnswer, prometheusProblemOf, prometheusRulesAnswer, ruleChoiceOf } from './prometheus-answers.ts';
import type { QueryRunner } from './query-runner.ts';
import type { Handler, KeyedCall, MakeRow, Route } from './route.ts';
import { nothingAsked } from './schemas.ts';

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
  const { alerts, clock, random, decompression, deadlines, runner, row } = options;
  if (alerts === undefined) return [];
  const bodyWait = deadlines(clock, LIMITS.requestTimeoutMs);
  const ask = askWithin(bodyWait);
  const reading = { bodyWait, decompression };
  const rule = ruleHandlers({
    ...alerts,
    ...reading,
    ask,
    askTrial: askWithin(deadlines(clock, ALERT_LIMITS.backtestTimeoutMs)),
  });
  const incident = incidentHandlers({ ...alerts, ...reading, ask, runner });
  const prometheus = prometheusHandlers(alerts, ask);

  return [
    row('GET', '/api/v1/rules', 'read', rule.file, ruleOp.file),
    row('PUT', '/api/v1/rules', 'admin', rule.putFile, ruleOp.putFile),
    row('GET', '/api/v1/rules/active', 'read', rule.active, ruleOp.active),
    row('POST', '/api/v1/rules/check', 'read', rule.check, ruleOp.check),
    row('POST', '/api/v1/rules/backtest', 'read', rule.backtest, ruleOp.backtest),
    ...DOCUMENT_KINDS.flatMap((one) => {
      const path = documentPath(one);
      const handle = documentHandlers(one, { ...alerts, ...reading, ask, random });
      const op = documentOperations(one.name);
      return [
        row('GET', path, 'read', handle.list, op.list),
        row('POST', path, 'admin', handle.create, op.create),
        row('GET', `${path}/{id}`, 'read', handle.read, op.read),
        row('PUT', `${path}/{id}`, 'admin', handle.put, op.put),
        row('DELETE', `${path}/{id}`, 'admin', handle.remove, op.remove),
      ];
    }),
    row('POST', CHANNEL_TEST_PATH, 'admin', channelTest(alerts, ask), BOOK_OPERATIONS.testChannel),
    row('POST', RETIRE_PATH, 'admin', retire(alerts, ask), BOOK_OPERATIONS.retire),
    row('GET', '/api/v1/audit', 'admin', audit(alerts, ask), BOOK_OPERATIONS.audit),
    row('GET', '/api/v1/incidents', 'read', incident.incidents, incidentOp.incidents),
    row('GET', INCIDENT_PATH, 'read', incident.incident, incidentOp.incident),
    row('POST', `${INCIDENT_PATH}/acknowledge`, 'admin', incident.acknowledge, incidentOp.acknowledge),
    row('POST', `${INCIDENT_PATH}/notes`, 'admin', incident.note, incidentOp.note),
    row('POST', `${INCIDENT_PATH}/resolve`, 'admin', incident.resolve, incidentOp.resolve),
    row('GET', '/api/v1/alerts', 'read', activeAlerts(alerts, ask), incidentOp.alerts),
    row('GET', '/api/v1/history', 'read', incident.history, incidentOp.history),
    row('GET', '/api/v1/response-times', 'read', incident.responseTimes, incidentOp.responseTimes),
    row('GET', '/prometheus/api/v1/rules', 'read', prometheus.rules, prometheusOp.rules, prometheusProblemOf),
    row('GET', '/prometheus/api/v1/alerts', 'read', prometheus.alerts, prometheusOp.alerts, prometheusProblemOf),
  ];
}

const CHANNEL_TEST_PATH = '/api/v1/channels/{id}/test';

function channelTest({ trial }: Alerting, ask: Ask): Handler<KeyedCall> {
  return async ({ request, principal }) => {
    const result = await ask(trial.testChannel(principal.tenant, knownId(pathParameter(CHANNEL_TEST_PATH, request.url))));
    if (result === undefined) throw new MetricStreamError('not_found');
    return Response.json({ delivered: result.delivered, detail: result.detail });
  };
}

const RETIRE_PATH = '/api/v1/clients/{client}/retire';

function retire({ fleet }: Alerting, ask: Ask): Handler<KeyedCall> {
  return async ({ request, principal }) => {
    const client = clientParameter(RETIRE_PATH, request.url);
    await ask(fleet.retire(principal.tenant, client, principal.keyId));
    return Response.json({ client_id: client, retired: true });
  };
}

function audit({ book }: Alerting, ask: Ask): Handler<KeyedCall> {
  return async ({ request, principal, nowMs }) => {
    const { start, limit } = checkQuery(request.url, auditQuery).query;
    const { fromMs } = stretchOf(nowMs, start, undefined);
    const entries = await ask(book.audit(principal.tenant, fromMs, limit ?? ALERT_LIMITS.auditShownMax));
    return Response.json({ audit: entries.map(auditAnswer) });
  };
}

function activeAlerts({ trial }: Alerting, ask: Ask): Handler<KeyedCall> {
  return async ({ request, principal }) => {
    checkQuery(request.url, nothingAsked);
    const active = await ask(trial.alerts(principal.tenant));
    return Response.json({ alerts: active.map(activeAlertAnswer) });
  };
}

function prometheusHandlers({ trial }: Alerting, ask: Ask): Readonly<Record<'rules' | 'alerts', Handler<KeyedCall>>> {
  return {
    async rules({ request, principal: { tenant } }) {
      const choice = ruleChoiceOf(request.url);
      const [{ rules }, alerts] = await ask(Promise.all([trial.rules(tenant), trial.alerts(tenant)]));
      return Response.json(prometheusRulesAnswer(rules, alerts, choice));
    },
    async alerts({ principal }) {
      return Response.json(prometheusAlertsAnswer(await ask(trial.alerts(principal.tenant))));
    },
  };
}
