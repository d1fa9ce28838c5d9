/** What the OpenAPI document says of each route of alerting. */
import { resolver } from 'hono-openapi';
import type { z } from 'zod';
import * as answers from './alert-answer-schemas.ts';
import * as asked from './alert-schemas.ts';
import { BODY, body, header, json, KEYED, problems, QUERY, SECURITY_OR_SESSION as security } from './operations.ts';
import type { Operation } from './route.ts';

type Responses = NonNullable<Operation['responses']>;

const IF_MATCH = header('If-Match', 'The ETag that was read: the change is made only where nobody changed it since.');
const IF_NONE_MATCH = header('If-None-Match', '*: only where there is none yet.');
const KNOWN = header('If-None-Match', 'The ETag that is known already.');
const UNCHANGED: Responses = { 304: { description: 'It is what If-None-Match named.' } };
const WAITS = problems('unavailable');
const READ = { ...KEYED, ...problems('invalid_query'), ...WAITS };
const CHANGE = { ...KEYED, ...BODY, ...problems('invalid_request', 'invalid_body'), ...WAITS };
const FILE_BODY: Operation['requestBody'] = {
  required: true,
  content: { 'text/yaml': { schema: { type: 'string' } }, 'application/json': { schema: resolver(asked.ruleFileBody) } },
};

export const RULE_OPERATIONS = {
  file: {
    summary: 'The rule file',
    description: 'As YAML, or as JSON where Accept names it. Version 0: none was written, the built-in rules hold.',
    security,
    parameters: [KNOWN],
    responses: {
      200: {
        description: 'The file.',
        content: { 'text/yaml': { schema: { type: 'string' } }, 'application/json': { schema: resolver(answers.ruleFile) } },
      },
      ...UNCHANGED,
      ...READ,
    },
  },
  putFile: {
    summary: 'Change the rule file',
    security,
    parameters: [IF_MATCH, IF_NONE_MATCH],
    requestBody: FILE_BODY,
    responses: {
      200: json('It holds from now on.', answers.ruleFileChanged),
      ...CHANGE,
      ...problems('invalid_encoding', 'invalid_json', 'invalid_request', 'invalid_compression', 'stale'),
    },
  },
  active: {
    summary: 'The rules in force, with the built-in ones and all defaults',
    security,
    responses: { 200: json('In their order.', answers.rulesAnswer), ...READ },
  },
  check: {
    summary: 'Check a rule file without changing anything',
    security,
    requestBody: FILE_BODY,
    responses: { 200: json('Whether it could be put, and why not.', answers.rulesChecked), ...CHANGE },
  },
  backtest: {
    summary: 'Try a rule file on the past',
    description: 'The evaluator of the live system over stored history: what it would have fired, and whom it would have paged.',
    security,
    requestBody: body(asked.backtestBody),
    responses: {
      200: json('What would have been.', answers.backtestAnswer),
      ...CHANGE,
      ...problems('overloaded', 'unavailable'),
    },
  },
} satisfies Record<string, Operation>;

const DOCUMENTS = {
  silences: { what: 'silence', body: asked.silenceBody, answer: answers.silence },
  maintenance: { what: 'maintenance window', body: asked.maintenanceBody, answer: answers.maintenance },
  channels: { what: 'channel', body: asked.channelBody, answer: answers.channel },
  routes: { what: 'route', body: asked.routeBody, answer: answers.route },
} as const;

/** The five rows of one kind of document. */
export function documentOperations(
  name: keyof typeof DOCUMENTS,
): Record<'list' | 'create' | 'read' | 'put' | 'remove', Operation> {
  const { what, body: schema, answer } = DOCUMENTS[name];
  const absent = problems('not_found');
  const conditions = [IF_MATCH, IF_NONE_MATCH];
  return {
    list: { summary: `Every ${what}`, security, responses: { 200: listOf(name, answer), ...READ } },
    create: {
      summary: `Make a ${what}`,
      security,
      requestBody: body(schema),
      responses: { 201: json('Location names it.', answer), ...CHANGE },
    },
    read: {
      summary: `One ${what}`,
      security,
      parameters: [KNOWN],
      responses: { 200: json('With its ETag.', answer), ...UNCHANGED, ...READ, ...absent },
    },
    put: {
      summary: `Change a ${what}, or make it with this id`,
      security,
      parameters: conditions,
      requestBody: body(schema),
      responses: { 200: json('Changed.', answer), 201: json('Made.', answer), ...CHANGE, ...absent, ...problems('stale') },
    },
    remove: {
      summary: `Remove a ${what}`,
      security,
      parameters: conditions,
      responses: {
        204: { description: 'It is gone.' },
        ...KEYED,
        ...WAITS,
        ...absent,
        ...problems('invalid_request', 'stale'),
      },
    },
  };
}

function listOf(name: string, answer: z.ZodType): Responses[string] {
  return json('By name.', answers.listed(name, answer));
}

export const BOOK_OPERATIONS = {
  testChannel: {
    summary: 'Send a test page to a channel',
    security,
    responses: { 200: json('What came of it.', answers.channelTested), ...KEYED, ...WAITS, ...problems('not_found') },
  },
  retire: {
    summary: 'Retire a client: its alerts end, and it is not missed',
    description: 'A push brings it back. Its data stay.',
    security,
    responses: { 200: json('Every partition knows.', answers.clientRetired), ...KEYED, ...WAITS, ...problems('not_found') },
  },
  audit: {
    summary: 'Who changed what, newest first',
    security,
    query: asked.auditQuery,
    responses: { 200: json('Of rules, silences, channels and the like.', answers.auditAnswer), ...READ },
  },
} satisfies Record<string, Operation>;

const act = (summary: string): Operation => ({
  summary,
  description: 'In the name of the key.',
  security,
  responses: { 200: json('As it is now.', answers.incidentChanged), ...KEYED, ...WAITS, ...problems('not_found') },
});
const note = act('Write a note to an incident');

export const INCIDENT_OPERATIONS = {
  incidents: {
    summary: 'Incidents, newest first',
    security,
    query: asked.incidentsQuery,
    responses: { 200: json('Without their alerts.', answers.incidentsAnswer), ...READ },
  },
  incident: {
    summary: 'One incident with its alerts, notes and timeline',
    security,
    responses: { 200: json('The timeline ascends.', answers.incidentAnswer), ...READ, ...problems('not_found') },
  },
  acknowledge: act('Acknowledge an incident'),
  note: {
    ...note,
    requestBody: body(asked.noteBody),
    responses: { ...note.responses, ...CHANGE },
  },
  resolve: act('Resolve an incident'),
  alerts: {
    summary: 'Alerts that are pending, firing, recovering or unknown',
    security,
    responses: { 200: json('Each with its last transition.', answers.alertsAnswer), ...READ },
  },
  history: {
    summary: 'What happened: transitions, pages, deliveries, acknowledgements, notes',
    security,
    query: asked.historyQuery,
    responses: {
      200: {
        description: 'Ascending by time; CSV streams.',
        content: { 'application/json': { schema: resolver(answers.historyAnswer) }, 'text/csv': { schema: { type: 'string' } } },
      },
      ...QUERY,
    },
  },
  responseTimes: {
    summary: 'Mean times to detect and to resolve',
    security,
    query: asked.responseTimesQuery,
    responses: { 200: json('By rule, host or a label.', answers.responseTimesAnswer), ...READ },
  },
} satisfies Record<string, Operation>;

/** Errors have the shape of Prometheus, too. */
const PROMETHEUS_ERRORS: Responses = Object.fromEntries(
  Object.entries({ ...KEYED, ...problems('invalid_request'), ...WAITS }).map(([status, { description }]) => [
    status,
    json(String(description), answers.prometheusProblem),
  ]),
);

export const PROMETHEUS_OPERATIONS = {
  rules: {
    summary: 'Rules and their alerts, as Prometheus answers them',
    description:
      'Reads type, rule_name[], rule_group[], file[] and exclude_alerts. The address of a Grafana data source ends in /prometheus.',
    security,
    responses: { 200: json('Groups of alerting rules.', answers.prometheusRules), ...PROMETHEUS_ERRORS },
  },
  alerts: {
    summary: 'Pending and firing alerts, as Prometheus answers them',
    security,
    responses: { 200: json('Alerts.', answers.prometheusAlerts), ...PROMETHEUS_ERRORS },
  },
} satisfies Record<string, Operation>;
