/** An edge with alerting on fakes of the ports: documents in a map, two incidents, one alert. */
import { channelOf, maintenanceOf, routeOf, silenceOf } from '../../../src/edge/alert-bodies.ts';
import { channelBody, maintenanceBody, routeBody, silenceBody } from '../../../src/edge/alert-schemas.ts';
import type { Alerting } from '../../../src/edge/alerting.ts';
import type { EdgeDependencies } from '../../../src/edge/app.ts';
import type { RuleSpec, Transition } from '../../../src/model/alert.ts';
import type { HistoryEntry, Incident } from '../../../src/model/incident.ts';
import type {
  ActiveAlert,
  AlertBook,
  AlertTrial,
  AuditEntry,
  BookProblem,
  Change,
  ChangeOutcome,
  Entry,
  HistoryQuery,
  IncidentAction,
  IncidentDesk,
} from '../../../src/ports/alert-book.ts';
import { createEdge, type Edge, NOW_MS } from '../harness.ts';

export const TENANT = 'acme';
export const RULE_FILE = 'groups:\n  - name: own\n    rules: []\n';
export const WRONG_FILE = 'groups: wrong\n';
const PROBLEMS: readonly BookProblem[] = [{ line: 3, path: 'groups', message: 'has to be a list' }];

export function transitionOf(over: Partial<Transition> = {}): Transition {
  return {
    id: 't1',
    tenant: TENANT,
    client: 'secret-host',
    datacenter: 'fra1',
    environment: undefined,
    group: 'builtin',
    rule: 'HighCpu',
    rulesVersion: 0,
    alert: 'a1',
    severity: 'high',
    labels: { team: 'core' },
    annotations: { summary: 'CPU is busy' },
    from: 'pending',
    to: 'firing',
    amended: false,
    reason: undefined,
    onsetMs: NOW_MS - 360_000,
    atMs: NOW_MS - 60_000,
    windowMs: NOW_MS - 120_000,
    judgedMs: NOW_MS - 50_000,
    values: { 'avg(cpu)': 93.2 },
    explanations: ['busier than usual'],
    ...over,
  };
}

export const RULE: RuleSpec = {
  group: 'builtin',
  alert: 'HighCpu',
  expr: 'avg(cpu) > params.threshold',
  clear: undefined,
  forMs: 300_000,
  keepFiringForMs: 60_000,
  severity: 'high',
  labels: { team: 'core' },
  annotations: { summary: 'CPU of {{ host }} is busy' },
  params: { threshold: 90 },
  overrides: [{ match: { host: 'db-*' }, params: { threshold: 95 } }],
};

export function incidentOf(over: Partial<Incident> = {}): Incident {
  const { tenant: _, from: _from, to: state, amended: _amended, ...rest } = transitionOf();
  return {
    id: 'inc-1',
    tenant: TENANT,
    groupLabels: { rule: 'HighCpu' },
    route: 'default',
    title: 'HighCpu on secret-host',
    severity: 'high',
    state: 'open',
    delivery: 'delivered',
    onsetMs: NOW_MS - 360_000,
    openedMs: NOW_MS - 50_000,
    notifiedMs: NOW_MS - 40_000,
    acknowledgedMs: undefined,
    acknowledgedBy: undefined,
    resolvedMs: undefined,
    escalations: 0,
    notes: [],
    alerts: [{ ...rest, state }],
    alertCount: 1,
    ...over,
  };
}

export function entryOf(over: Partial<HistoryEntry> = {}): HistoryEntry {
  return {
    id: 'h1',
    tenant: TENANT,
    incident: 'inc-1',
    kind: 'transition',
    atMs: NOW_MS - 60_000,
    by: '',
    text: 'HighCpu fires on secret-host',
    transition: transitionOf(),
    ...over,
  };
}

export interface FakeBook extends AlertBook {
  /** As they were put, by tenant, kind and id; secrets, too. */
  readonly kept: Map<string, Entry>;
  readonly changes: { readonly change: Change; readonly body: unknown }[];
}

function keyOf({ tenant, kind, id }: Pick<Change, 'tenant' | 'kind' | 'id'>): string {
  return [tenant, kind, id].join(' ');
}

function fakeBook(): FakeBook {
  const kept = new Map<string, Entry>();
  const changes: FakeBook['changes'] = [];
  const audited: (AuditEntry & { readonly tenant: string })[] = [];
  const refusal = (change: Change, version: number): ChangeOutcome | undefined =>
    change.ifVersion === undefined || change.ifVersion === version ? undefined : { kind: 'stale', version };
  const done = (change: Change, body: unknown, action: string): void => {
    changes.push({ change, body });
    audited.push({ atMs: NOW_MS, actor: change.actor, action, kind: change.kind, id: change.id, tenant: change.tenant });
  };
  return {
    kept,
    changes,
    list: async (tenant, kind) => [...kept].flatMap(([key, one]) => (key.startsWith(`${tenant} ${kind} `) ? [one] : [])),
    async put(change, body) {
      const version = kept.get(keyOf(change))?.version ?? 0;
      const refused = refusal(change, version);
      if (refused !== undefined) return refused;
      if (body === WRONG_FILE) return { kind: 'invalid', problems: PROBLEMS };
      const shown = typeof body === 'string' ? body : { ...(body as object), id: change.id, by: change.actor };
      const entry: Entry = { id: change.id, version: version + 1, changedMs: NOW_MS, body: shown };
      kept.set(keyOf(change), entry);
      done(change, body, 'put');
      return { kind: 'done', entry };
    },
    async remove(change) {
      const version = kept.get(keyOf(change))?.version;
      if (version === undefined) return { kind: 'absent' };
      const refused = refusal(change, version);
      if (refused !== undefined) return refused;
      kept.delete(keyOf(change));
      done(change, undefined, 'remove');
      return { kind: 'done', entry: undefined };
    },
    audit: async (tenant, fromMs, max) => audited.filter((one) => one.tenant === tenant && one.atMs >= fromMs).slice(0, max),
  };
}

export interface FakeDesk extends IncidentDesk {
  readonly kept: Incident[];
  readonly told: HistoryEntry[];
  readonly actions: { readonly tenant: string; readonly action: IncidentAction; readonly actor: string }[];
  readonly asked: HistoryQuery[];
}

function fakeDesk(): FakeDesk {
  const kept = [incidentOf(), incidentOf({ id: 'inc-2', state: 'resolved', resolvedMs: NOW_MS - 10_000 })];
  const told = [entryOf()];
  const [actions, asked]: [FakeDesk['actions'], FakeDesk['asked']] = [[], []];
  return {
    kept,
    told,
    actions,
    asked,
    async incidents({ tenant, id, state, fromMs, toMs, max }) {
      const found = kept.filter(
        (one) =>
          one.tenant === tenant &&
          (id === undefined || one.id === id) &&
          (state === undefined || (state === 'active' ? one.state !== 'resolved' : one.state === state)) &&
          one.openedMs >= fromMs &&
          one.openedMs < toMs,
      );
      return found.slice(0, max);
    },
    async history(query) {
      asked.push(query);
      const { tenant, incident, rule, client, fromMs, toMs, max } = query;
      const found = told.filter(
        (one) =>
          one.tenant === tenant &&
          (incident === undefined || one.incident === incident) &&
          (rule === undefined || one.transition?.rule === rule) &&
          (client === undefined || one.transition?.client === client) &&
          one.atMs >= fromMs &&
          one.atMs < toMs,
      );
      return found.slice(0, max);
    },
    async act(tenant, id, action, actor) {
      const one = kept.find((incident) => incident.tenant === tenant && incident.id === id);
      if (one === undefined) return undefined;
      actions.push({ tenant, action, actor });
      const notes = action.kind === 'note' ? [{ by: actor, atMs: NOW_MS, text: action.text }] : [];
      return action.kind === 'acknowledge' ? { ...one, state: 'acknowledged', acknowledgedBy: actor } : { ...one, notes };
    },
    responseTimes: async (tenant, by) =>
      tenant === TENANT ? [{ key: `secret ${by}`, incidents: 1, mttdMs: 320_000, mttrMs: undefined }] : [],
  };
}

export interface FakeTrial extends AlertTrial {
  readonly active: ActiveAlert[];
  readonly trials: { readonly tenant: string; readonly fromMs: number; readonly toMs: number }[];
}

function fakeTrial(book: FakeBook): FakeTrial {
  const active: ActiveAlert[] = [{ transition: transitionOf(), incident: 'inc-1' }];
  const trials: FakeTrial['trials'] = [];
  return {
    active,
    trials,
    rules: async (tenant) => ({ version: 3, rules: tenant === TENANT ? [{ ...RULE, labels: { owner: 'secret' } }] : [RULE] }),
    alerts: async (tenant) => active.filter(({ transition }) => transition.tenant === tenant),
    async backtest(tenant, file, fromMs, toMs) {
      trials.push({ tenant, fromMs, toMs });
      if (file === WRONG_FILE) return PROBLEMS;
      const rules = [{ rule: 'builtin/HighCpu', firings: 1, pages: 1, flaps: 0 }];
      return { fromMs, toMs, transitions: [transitionOf()], firings: 1, flaps: 0, pages: 1, rules, notes: ['one note'] };
    },
    testChannel: async (tenant, id) =>
      book.kept.has(keyOf({ tenant, kind: 'channel', id })) ? { delivered: true, detail: '250 OK' } : undefined,
  };
}

export interface AlertLab extends Edge {
  readonly book: FakeBook;
  readonly desk: FakeDesk;
  readonly trial: FakeTrial;
}

/** Takes whoever is named. */
function fakeFleet(): Alerting['fleet'] {
  return { retire: async () => undefined };
}

/** @param over of the edge, or of the ports. */
export function alertLab(over: Partial<EdgeDependencies> & { readonly ports?: Partial<Alerting> } = {}): AlertLab {
  const { ports, ...deps } = over;
  const book = fakeBook();
  const desk = fakeDesk();
  const trial = fakeTrial(book);
  let drawn = 0;
  const random = (): number => {
    drawn += 1;
    return (drawn * 0.618_034) % 1;
  };
  return { ...createEdge({ alerts: { book, desk, trial, fleet: fakeFleet(), ...ports }, random, ...deps }), book, desk, trial };
}

export const SILENCE = { match: { host: 'secret-host' }, comment: 'being mended', ends_ms: NOW_MS + 3_600_000 };
export const MAINTENANCE = {
  match: { datacenter: 'fra1' },
  comment: 'patches, secret',
  cron: '0 3 * * 0',
  time_zone: 'Europe/Berlin',
  duration_ms: 7_200_000,
};
export const CHANNEL = { type: 'webhook', settings: { url: 'https://hooks.example/secret' }, secrets: { token: 'TOP' } };
export const ROUTE = {
  match: { severity: 'critical' },
  channels: ['secret-pager'],
  group_by: ['rule', 'datacenter'],
  group_wait_ms: 5_000,
  group_interval_ms: 60_000,
  repeat_ms: 14_400_000,
  escalate_after_ms: 900_000,
  escalate_to: ['boss'],
};
export const DOCUMENTS = [
  { name: 'silences', kind: 'silence', body: SILENCE },
  { name: 'maintenance', kind: 'maintenance', body: MAINTENANCE },
  { name: 'channels', kind: 'channel', body: CHANNEL },
  { name: 'routes', kind: 'route', body: ROUTE },
] as const;

/** Puts one document of each kind, `one`, and the rule file of the first tenant. */
export async function fill({ book }: AlertLab): Promise<void> {
  const change = { tenant: TENANT, id: 'one', actor: 'acme.someone', ifVersion: undefined };
  await book.put({ ...change, kind: 'silence' }, silenceOf(silenceBody.parse(SILENCE), NOW_MS));
  await book.put({ ...change, kind: 'maintenance' }, maintenanceOf(maintenanceBody.parse(MAINTENANCE)));
  await book.put({ ...change, kind: 'channel' }, channelOf(channelBody.parse(CHANNEL)));
  await book.put({ ...change, kind: 'route' }, routeOf(routeBody.parse(ROUTE)));
  await book.put({ ...change, kind: 'rules', id: 'file' }, RULE_FILE.replace('own', 'secret'));
}
