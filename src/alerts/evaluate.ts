/** Judges what comes out of a partition's log by the rules of its tenants: same log, same transitions. */
import type { AlertControl, RuleSpec, Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { clientKey } from '../model/partition.ts';
import { MINUTE_MS } from '../model/window.ts';
import type { AlertJudge, JudgedClient, JudgedMinute, JudgedSamples, JudgeState, SeenClient } from '../ports/alert-judge.ts';
import {
  alertKey,
  type ClientAlerts,
  decodeMemory,
  encodeMemory,
  type JudgeMemory,
  type LiveAlert,
  newMemory,
  type SeriesModels,
} from './alert-store.ts';
import type { AnomalyScore, CompiledRule, RuleScope, RuleSettings } from './compiled-rule.ts';
import { gapMs, judge, newLife } from './lifecycle.ts';
import { type LabelSet, MinuteView, NO_LABELS } from './minute-view.ts';
import { indexRules, type RuleIndex } from './rule-index.ts';
import { endOf, type Moment, transitionOf } from './transitions.ts';

export interface JudgeOptions {
  /** @returns undefined for a rule that this version cannot read. */
  compile(spec: RuleSpec): CompiledRule | undefined;
  /** The rules of a tenant that has said nothing. */
  readonly builtins: readonly RuleSpec[];
  readonly models: SeriesModels;
}

/** What one rule is judged on: a host at a label set, and when. */
interface Case extends Moment {
  readonly client: JudgedClient;
  readonly view: MinuteView;
  readonly complete: boolean;
  readonly startMs: number;
  readonly silenceSeconds: number | undefined;
  readonly onsetMs?: number | undefined;
  score(metric: string, labelsKey: string): AnomalyScore | undefined;
}

const NO_VIEW = new MinuteView();
const NO_SCORE = (): undefined => undefined;

class Judge implements AlertJudge, JudgeState {
  readonly #options: JudgeOptions;
  readonly #builtins: RuleIndex;
  #memory: JudgeMemory = newMemory();
  readonly #indexes = new Map<string, RuleIndex>();
  #taken: Transition[] = [];

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#builtins = indexRules({ version: 0, rules: options.builtins }, options.compile);
  }

  closed(minute: JudgedMinute): void {
    const index = this.#indexOf(minute.tenant);
    const view = MinuteView.ofWindows(minute.columns((metric) => index.byMetric.has(metric)));
    const known = this.#memory.clients.get(clientKey(minute.tenant, minute.client));
    if (view.empty && index.always.length === 0 && known === undefined) return;
    // What it had sent before it was retired begins nothing.
    if (known !== undefined && known.retiredMs > 0) return;
    const one = this.#caseOf(minute, view, index.anomalies.size === 0 ? NO_SCORE : this.#scores(minute, view, index));
    for (const [rule, sets] of casesOf(index, view, known)) {
      for (const set of sets) if (!this.#judgedOnSamples(rule, minute, set, view)) this.#judge(rule, set, one);
    }
  }

  corrected(minute: JudgedMinute): void {
    const index = this.#indexOf(minute.tenant);
    const view = MinuteView.ofWindows(minute.columns((metric) => index.byMetric.has(metric)));
    const known = this.#memory.clients.get(clientKey(minute.tenant, minute.client));
    const one = this.#caseOf(minute, view, NO_SCORE);
    const takenMax = this.#taken.length + ALERT_LIMITS.alertsPerClientMax;
    for (const [rule, sets] of casesOf(index, view, undefined)) {
      for (const set of sets) {
        if (this.#taken.length >= takenMax) return;
        if (!this.#judgedOnSamples(rule, minute, set, view)) this.#amend(rule, set, one, known);
      }
    }
  }

  sampled(samples: JudgedSamples): void {
    const { clients } = this.#memory;
    // Most often there is no alert at all, and this is asked with every push.
    const known = clients.size === 0 ? undefined : clients.get(clientKey(samples.tenant, samples.client));
    if (known !== undefined) known.retiredMs = 0;
    const index = this.#indexOf(samples.tenant);
    if (index.bySample.size === 0) return;
    const block = samples.block();
    block.timesMs.forEach((ms, row) => {
      const view = MinuteView.ofSamples(block, row, (metric) => index.bySample.has(metric));
      const rules = new Set([...view.metrics].flatMap((metric) => index.bySample.get(metric) ?? []));
      const at = { atMs: ms, windowMs: undefined, logMs: samples.logMs };
      const one = { ...at, client: samples, view, complete: true, startMs: ms, silenceSeconds: undefined, score: NO_SCORE };
      for (const rule of rules) {
        for (const set of view.labelSetsOf(rule)) {
          const alert = this.#alertOf(samples, rule, set);
          const isNew = alert === undefined || ms > alert.life.lastMs;
          if (isNew && this.#judgedOnSamples(rule, samples, set, view)) this.#judge(rule, set, one);
        }
      }
    });
  }

  scanned(logMs: number, resumedMs: number, clients: ReadonlyMap<string, SeenClient>): boolean {
    let waits = false;
    for (const [key, client] of clients) {
      const known = this.#memory.clients.get(key);
      if (known !== undefined && known.retiredMs >= client.lastSeenMs) continue;
      const heardMs = Math.max(client.lastSeenMs, resumedMs);
      for (const rule of this.#indexOf(client.tenant).silence) {
        if (this.#judgeSilence(rule, client, heardMs, logMs)) waits = true;
      }
      for (const alert of known?.alerts.values() ?? []) if (this.#starve(alert, client, heardMs, logMs)) waits = true;
    }
    for (const [key, known] of this.#memory.clients) if (!clients.has(key)) this.#forget(key, known, logMs);
    return waits;
  }

  controlled(control: AlertControl, logMs: number): void {
    const { tenant } = control;
    if (control.kind === 'retired') {
      const key = clientKey(tenant, control.client);
      const known = this.#clientOf(key);
      for (const alert of known.alerts.values()) this.#taken.push(endOf(alert.last, logMs, 'retired'));
      known.alerts.clear();
      known.retiredMs = logMs;
      return;
    }
    if (control.rules.version <= (this.#memory.rules.get(tenant)?.version ?? 0)) return;
    this.#memory.rules.set(tenant, control.rules);
    this.#indexes.delete(tenant);
    const { byId } = this.#indexOf(tenant);
    for (const [key, { alerts }] of this.#memory.clients) {
      if (!key.startsWith(`${tenant}/`)) continue;
      for (const [name, alert] of alerts) {
        if (byId.has(alert.rule)) continue;
        alerts.delete(name);
        this.#taken.push(endOf(alert.last, logMs, 'rule_removed'));
      }
    }
  }

  take(): readonly Transition[] {
    const taken = this.#taken;
    if (taken.length > 0) this.#taken = [];
    return taken;
  }

  snapshot(): Uint8Array {
    for (const [key, { alerts, models, retiredMs }] of this.#memory.clients) {
      if (alerts.size === 0 && models.size === 0 && retiredMs === 0) this.#memory.clients.delete(key);
    }
    return encodeMemory(this.#memory);
  }

  restore(state: Uint8Array): void {
    this.#memory = decodeMemory(state, (reader) => this.#options.models.decode(reader));
    this.#indexes.clear();
    this.#taken = [];
  }

  #indexOf(tenant: string): RuleIndex {
    const held = this.#indexes.get(tenant);
    if (held !== undefined) return held;
    const set = this.#memory.rules.get(tenant);
    if (set === undefined) return this.#builtins;
    const index = indexRules(set, (spec) => this.#options.compile(spec));
    this.#indexes.set(tenant, index);
    return index;
  }

  #clientOf(key: string): ClientAlerts {
    let known = this.#memory.clients.get(key);
    if (known === undefined) {
      known = { retiredMs: 0, alerts: new Map(), models: new Map() };
      this.#memory.clients.set(key, known);
    }
    return known;
  }

  #alertOf({ tenant, client }: JudgedClient, { id }: CompiledRule, set: LabelSet): LiveAlert | undefined {
    return this.#memory.clients.get(clientKey(tenant, client))?.alerts.get(alertKey(id, set));
  }

  #caseOf(minute: JudgedMinute, view: MinuteView, score: Case['score']): Case {
    const { startMs, logMs, complete } = minute;
    const endMs = startMs + MINUTE_MS;
    return { client: minute, view, complete, startMs, atMs: endMs, windowMs: startMs, logMs, silenceSeconds: undefined, score };
  }

  /** Whether this rule is judged on samples here, and so not on minutes that have some. */
  #judgedOnSamples(rule: CompiledRule, client: JudgedClient, set: LabelSet, view: MinuteView): boolean {
    if (!rule.onSamples || !rule.metrics.some((metric) => view.at(metric, set.key) !== undefined)) return false;
    return rule.settingsFor(whereOf(client, set)).forMs === 0;
  }

  #judge(rule: CompiledRule, set: LabelSet, one: Case): void {
    const { client } = one;
    const where = whereOf(client, set);
    const settings = rule.settingsFor(where);
    const key = clientKey(client.tenant, client.client);
    const name = alertKey(rule.id, set);
    let alert = this.#memory.clients.get(key)?.alerts.get(name);
    // Those of the host as a whole are as few as its rules: what has thousands of labels must not keep it from saying that it is silent.
    const isFull = set.key !== '' && (this.#memory.clients.get(key)?.alerts.size ?? 0) >= ALERT_LIMITS.alertsPerClientMax;
    if (alert === undefined && isFull) return;
    if (!settings.enabled) {
      if (alert === undefined) return;
      this.#memory.clients.get(key)?.alerts.delete(name);
      this.#taken.push(endOf(alert.last, one.logMs, 'rule_disabled'));
      return;
    }
    const scope = scopeOf(where, settings, set, one);
    const holds = rule.holds(scope);
    if (alert === undefined && holds.verdict !== 'true') return;
    const life = alert?.life ?? newLife();
    const from = life.state;
    const clears = from !== 'inactive' && from !== 'pending' && holds.verdict === 'false' ? rule.clears(scope) : holds;
    const evidence = { ...one, holds: holds.verdict, clears: clears.verdict, endMs: one.atMs };
    const move = judge(life, evidence, settings);
    if (move === undefined) return;
    const last = transitionOf({
      rule,
      set,
      where,
      settings,
      one,
      from,
      move,
      life,
      judgement: holds,
      version: this.#versionOf(client),
    });
    const known = this.#clientOf(key);
    if (life.state === 'inactive') known.alerts.delete(name);
    else if (alert !== undefined) alert.last = last;
    else {
      alert = { rule: rule.id, set, life, last };
      known.alerts.set(name, alert);
    }
    this.#taken.push(last);
  }

  #versionOf({ tenant }: JudgedClient): number {
    return this.#indexOf(tenant).version;
  }

  /** A corrected minute that says otherwise than what was judged is told, once for each verdict. */
  #amend(rule: CompiledRule, set: LabelSet, one: Case, known: ClientAlerts | undefined): void {
    const where = whereOf(one.client, set);
    const settings = rule.settingsFor(where);
    if (!settings.enabled) return;
    const judgement = rule.holds(scopeOf(where, settings, set, one));
    const alert = known?.alerts.get(alertKey(rule.id, set));
    const life = alert?.life;
    const covered = life !== undefined && one.startMs >= life.onsetMs && one.atMs <= life.lastMs;
    const differs = judgement.verdict === 'true' ? !covered : judgement.verdict === 'false' && one.complete && covered;
    if (!differs) return;
    const state = life?.state ?? 'inactive';
    const move = { to: state, reason: 'samples_late', amendsTo: judgement.verdict } as const;
    const told = { ...newLife(), onsetMs: one.startMs };
    this.#taken.push(
      transitionOf({
        rule,
        set,
        where,
        settings,
        one,
        from: state,
        move,
        life: told,
        judgement,
        version: this.#versionOf(one.client),
      }),
    );
  }

  /** @returns whether it waits for log time to go on. */
  #judgeSilence(rule: CompiledRule, client: SeenClient, heardMs: number, logMs: number): boolean {
    const state = this.#alertOf(client, rule, NO_LABELS)?.life.state ?? 'inactive';
    const quiet = state === 'inactive' || state === 'pending';
    // Our own outage delays what we say of a host, and takes nothing back: only the host itself does that.
    const sinceMs = quiet ? heardMs : client.lastSeenMs;
    const at = { startMs: logMs, atMs: logMs, windowMs: undefined, logMs, onsetMs: heardMs };
    this.#judge(rule, NO_LABELS, {
      ...at,
      client,
      view: NO_VIEW,
      complete: true,
      silenceSeconds: Math.max(0, logMs - sinceMs) / 1000,
      score: NO_SCORE,
    });
    const now = this.#alertOf(client, rule, NO_LABELS)?.life.state;
    return now !== 'firing' && rule.settingsFor(whereOf(client, NO_LABELS)).enabled;
  }

  /** An alert of a host that says nothing any more. @returns whether it waits for log time to go on. */
  #starve(alert: LiveAlert, client: SeenClient, heardMs: number, logMs: number): boolean {
    const rule = this.#indexOf(client.tenant).byId.get(alert.rule);
    if (rule === undefined || rule.judgesSilence || alert.life.state === 'unknown') return false;
    const { life } = alert;
    const quietMs = logMs - Math.max(life.judgedMs, heardMs);
    const settings = rule.settingsFor(whereOf(client, alert.set));
    const pending = life.state === 'pending';
    if (quietMs < (pending ? gapMs(settings) : ALERT_LIMITS.unknownAfterMs)) return true;
    life.state = pending ? 'inactive' : 'unknown';
    const told = endOf(alert.last, logMs, 'no_data', life.state);
    if (pending)
      this.#memory.clients.get(clientKey(client.tenant, client.client))?.alerts.delete(alertKey(alert.rule, alert.set));
    else alert.last = told;
    this.#taken.push(told);
    return false;
  }

  #forget(key: string, { alerts }: ClientAlerts, logMs: number): void {
    for (const alert of alerts.values()) this.#taken.push(endOf(alert.last, logMs, 'expired'));
    this.#memory.clients.delete(key);
  }

  /** Scores of a minute: each series is scored by what was learnt before it, then learnt from. */
  #scores(minute: JudgedMinute, view: MinuteView, { anomalies }: RuleIndex): Case['score'] {
    const scores = new Map<string, AnomalyScore | undefined>();
    const { models } = this.#clientOf(clientKey(minute.tenant, minute.client));
    for (const metric of anomalies) {
      for (const { series, set, aggregate } of view.of(metric)) {
        let model = models.get(series.key);
        if (model === undefined) {
          if (models.size >= ALERT_LIMITS.anomalyModelsPerClientMax) continue;
          model = this.#options.models.create();
          models.set(series.key, model);
        }
        const value = aggregate.sum / aggregate.count;
        scores.set(`${metric}\0${set.key}`, model.score(value, minute.startMs));
        model.learn(value, minute.startMs);
      }
    }
    return (metric, labelsKey) => scores.get(`${metric}\0${labelsKey}`) ?? scores.get(`${metric}\0`);
  }
}

/** The rules to judge a minute by, with the label sets at which: what it brings, and the alerts that it does not speak of any more. */
function casesOf(index: RuleIndex, view: MinuteView, known: ClientAlerts | undefined): Map<CompiledRule, readonly LabelSet[]> {
  const cases = new Map<CompiledRule, LabelSet[]>();
  const add = (rule: CompiledRule): LabelSet[] => {
    const held = cases.get(rule);
    if (held !== undefined) return held;
    const sets = view.labelSetsOf(rule);
    cases.set(rule, sets);
    return sets;
  };
  for (const metric of view.metrics) for (const rule of index.byMetric.get(metric) ?? []) add(rule);
  for (const rule of index.always) {
    const sets = add(rule);
    if (sets.length === 0) sets.push(NO_LABELS);
  }
  for (const { rule: id, set } of known?.alerts.values() ?? []) {
    const rule = index.byId.get(id);
    if (rule === undefined || rule.judgesSilence) continue;
    const sets = add(rule);
    if (!sets.some(({ key }) => key === set.key)) sets.push(set);
  }
  return cases;
}

function whereOf({ client, datacenter, environment }: JudgedClient, { labels }: LabelSet) {
  return { host: client, datacenter, environment, labels };
}

function scopeOf(where: ReturnType<typeof whereOf>, { params }: RuleSettings, set: LabelSet, one: Case): RuleScope {
  const { view, complete, score, silenceSeconds, client } = one;
  return {
    ...where,
    params,
    silenceSeconds,
    skewMs: client.skewMs,
    window: (metric) => view.at(metric, set.key)?.aggregate,
    absent: (metric) => (view.has(metric) ? false : complete ? true : undefined),
    anomaly: (metric) => score(metric, set.key),
  };
}

/** A judge for one partition. */
export function alertJudge(options: JudgeOptions): AlertJudge & JudgeState {
  return new Judge(options);
}
