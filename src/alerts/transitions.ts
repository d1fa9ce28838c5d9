/** Transitions, with ids that a replay gives again. */
import type { AlertState, Transition, TransitionReason } from '../model/alert.ts';
import { clientKey, murmur2 } from '../model/partition.ts';
import type { JudgedClient } from '../ports/alert-judge.ts';
import type { CompiledRule, Judgement, RuleSettings, Where } from './compiled-rule.ts';
import type { AlertLife, Move } from './lifecycle.ts';
import type { LabelSet } from './minute-view.ts';

/** When something was judged. */
export interface Moment {
  /** Event time that decided, Unix ms. */
  readonly atMs: number;
  /** Start of the judged minute, where there is one. */
  readonly windowMs: number | undefined;
  readonly logMs: number;
}

export interface Judged {
  readonly rule: CompiledRule;
  readonly set: LabelSet;
  readonly where: Where;
  readonly settings: RuleSettings;
  readonly one: Moment & { readonly client: JudgedClient };
  readonly from: AlertState;
  readonly move: Move & { readonly amendsTo?: string };
  readonly life: AlertLife;
  readonly judgement: Judgement;
  readonly version: number;
}

export function transitionOf({ rule, set, where, settings, one, from, move, life, judgement, version }: Judged): Transition {
  const { spec } = rule;
  const { tenant, client, datacenter, environment } = one.client;
  const alert = alertId(tenant, client, rule.id, set);
  const amended = move.amendsTo !== undefined;
  return {
    id: amended ? `${alert}-${one.atMs.toString(36)}-late-${move.amendsTo}` : idOf(alert, one.atMs, move.to),
    tenant,
    client,
    datacenter,
    environment,
    group: spec.group,
    rule: spec.alert,
    rulesVersion: version,
    alert,
    severity: settings.severity,
    labels: { ...set.labels, ...spec.labels },
    annotations: rule.annotationsFor(where, judgement),
    from,
    to: move.to,
    amended,
    reason: move.reason,
    onsetMs: life.onsetMs,
    atMs: one.atMs,
    windowMs: one.windowMs,
    judgedMs: one.logMs,
    values: judgement.values,
    explanations: judgement.explanations,
  };
}

/** How an alert ends, or is lost sight of, without a judgement. @param to left out: as it has to from where it stands. */
export function endOf(last: Transition, logMs: number, reason: TransitionReason, to?: AlertState): Transition {
  const ends = to ?? (last.to === 'pending' ? 'inactive' : 'resolved');
  const id = idOf(last.alert, logMs, ends);
  return { ...last, id, from: last.to, to: ends, reason, amended: false, atMs: logMs, windowMs: undefined, judgedMs: logMs };
}

function idOf(alert: string, atMs: number, to: AlertState): string {
  return `${alert}-${atMs.toString(36)}-${to}`;
}

/** 96 bits of three hashes: one alert in a tenant of millions meets another once in 10^16. */
function alertId(tenant: string, client: string, rule: string, set: LabelSet): string {
  const name = `${clientKey(tenant, client)}\0${rule}\0${set.key}`;
  return ['a', 'b', 'c'].map((salt) => hashText(`${salt}${name}`)).join('');
}

function hashText(text: string): string {
  return (murmur2(new TextEncoder().encode(text)) >>> 0).toString(16).padStart(8, '0');
}
