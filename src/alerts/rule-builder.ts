/** Rules written in TypeScript: what the types let through compiles to the same CEL as a rule file holds. */
import type { RuleOverride, RuleSpec } from '../model/alert.ts';
import { MetricStreamError } from '../model/errors.ts';
import { checkRule } from './compile-rule.ts';
import { metricText } from './expression-promql.ts';
import { parseDuration } from './rule-duration.ts';
import { RUNBOOK } from './rule-fields.ts';

/** Something that is true, false or unknown. */
export class When {
  /** CEL. */
  readonly cel: string;
  /** The operator that it is made of, which says where it needs parentheses. */
  readonly joint: '&&' | '||' | undefined;

  constructor(cel: string, joint: When['joint'] = undefined) {
    this.cel = cel;
    this.joint = joint;
  }
}

type Numeric = number | Quantity;

/** A number that is read of a host, or made of such. */
class Quantity {
  readonly cel: string;
  /** Whether it needs parentheses beside another operator. */
  readonly compound: boolean;

  constructor(cel: string, compound = false) {
    this.cel = cel;
    this.compound = compound;
  }

  above(bound: Numeric): When {
    return this.#compared('>', bound);
  }

  atLeast(bound: Numeric): When {
    return this.#compared('>=', bound);
  }

  below(bound: Numeric): When {
    return this.#compared('<', bound);
  }

  atMost(bound: Numeric): When {
    return this.#compared('<=', bound);
  }

  equals(bound: Numeric): When {
    return this.#compared('==', bound);
  }

  plus(other: Numeric): Quantity {
    return this.#with('+', other);
  }

  minus(other: Numeric): Quantity {
    return this.#with('-', other);
  }

  times(other: Numeric): Quantity {
    return this.#with('*', other);
  }

  over(other: Numeric): Quantity {
    return this.#with('/', other);
  }

  #compared(operator: string, bound: Numeric): When {
    return new When(`${this.cel} ${operator} ${celOf(bound)}`);
  }

  #with(operator: string, other: Numeric): Quantity {
    const side = (one: Numeric) => (one instanceof Quantity && one.compound ? `(${one.cel})` : celOf(one));
    return new Quantity(`${side(this)} ${operator} ${side(other)}`, true);
  }
}

/** A text: the host, its place, or a label. */
class Name {
  readonly cel: string;

  constructor(cel: string) {
    this.cel = cel;
  }

  is(text: string): When {
    return new When(`${this.cel} == ${JSON.stringify(text)}`);
  }

  isNot(text: string): When {
    return new When(`${this.cel} != ${JSON.stringify(text)}`);
  }

  isOneOf(texts: readonly string[]): When {
    return new When(`${this.cel} in [${texts.map((text) => JSON.stringify(text)).join(', ')}]`);
  }

  startsWith(text: string): When {
    return new When(`${this.cel}.startsWith(${JSON.stringify(text)})`);
  }

  endsWith(text: string): When {
    return new When(`${this.cel}.endsWith(${JSON.stringify(text)})`);
  }

  contains(text: string): When {
    return new When(`${this.cel}.contains(${JSON.stringify(text)})`);
  }
}

function celOf(one: Numeric): string {
  if (one instanceof Quantity) return one.cel;
  if (!Number.isFinite(one)) throw new MetricStreamError('invalid_body', `${one} is no number that a rule can hold`);
  return String(one);
}

function sizeIn(unit: 'KiB' | 'MiB' | 'GiB' | 'TiB'): (size: number) => Quantity {
  return (size) => new Quantity(`${celOf(size)} * ${unit}`, true);
}

export const kib = sizeIn('KiB');
export const mib = sizeIn('MiB');
export const gib = sizeIn('GiB');
export const tib = sizeIn('TiB');

function reader(name: string): (metric: string) => Quantity {
  return (metric) => new Quantity(`${name}(${metricText(metric)})`);
}

/** Of the minute that closed, or of one sample where `for` is 0. */
export const avg = reader('avg');
export const min = reader('min');
export const max = reader('max');
export const first = reader('first');
export const last = reader('last');
/** Of the minute that closed. */
export const sum = reader('sum');
export const count = reader('count');
export const increase = reader('increase');
/** Per second. */
export const rate = reader('rate');
/** In spreads from the usual. */
export const anomaly = reader('anomaly');

/** Seconds since the host's last push. */
export const silence = (): Quantity => new Quantity('silence()');
/** What the host's clock is off, ms. */
export const skew = (): Quantity => new Quantity('skew()');
export const abs = (quantity: Quantity): Quantity => new Quantity(`abs(${quantity.cel})`);

export const absent = (metric: string): When => new When(`absent(${metricText(metric)})`);
export const hasLabel = (name: string): When => new When(`has(${labelCel(name)})`);

export const host = new Name('host');
export const datacenter = new Name('datacenter');
export const environment = new Name('environment');
export const label = (name: string): Name => new Name(labelCel(name));

function labelCel(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? `labels.${name}` : `labels[${JSON.stringify(name)}]`;
}

export function all(...conditions: readonly [When, ...When[]]): When {
  return joined('&&', conditions);
}

export function any(...conditions: readonly [When, ...When[]]): When {
  return joined('||', conditions);
}

export function not(condition: When): When {
  return new When(`!(${condition.cel})`);
}

function joined(joint: '&&' | '||', conditions: readonly When[]): When {
  const [only] = conditions;
  if (only !== undefined && conditions.length === 1) return only;
  const parts = conditions.map((one) => (one.joint !== undefined && one.joint !== joint ? `(${one.cel})` : one.cel));
  return new When(parts.join(` ${joint} `), joint);
}

/** A length of time: `5m`, `1h30m`, `0`. */
type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}` | '0' | (string & {});

type ParamsOf<P> = { readonly [Name in keyof P]: Quantity };
type Stated<P> = When | ((params: ParamsOf<P>) => When);

export interface OverrideDraft<P extends Readonly<Record<string, number>>> {
  readonly match: Readonly<Record<string, string>>;
  readonly params?: Partial<P>;
  readonly for?: Duration;
  readonly keepFiringFor?: Duration;
  readonly severity?: string;
  readonly enabled?: boolean;
}

export interface RuleDraft<P extends Readonly<Record<string, number>>> {
  readonly group?: string;
  readonly params?: P;
  /** A condition, or one made of the params. */
  readonly when: Stated<P>;
  readonly clear?: Stated<P>;
  readonly for?: Duration;
  readonly keepFiringFor?: Duration;
  readonly severity?: 'critical' | 'high' | 'informational' | (string & {});
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly runbook?: string;
  readonly overrides?: readonly OverrideDraft<NoInfer<P>>[];
}

/** @returns the rule as a rule file would say it. @throws invalid_body where the types let something through that no rule may hold. */
export function rule<P extends Readonly<Record<string, number>>>(alert: string, draft: RuleDraft<P>): RuleSpec {
  const params = draft.params ?? ({} as P);
  const stated = (what: Stated<P>): string => (what instanceof When ? what : what(quantities(params))).cel;
  const spec: RuleSpec = {
    group: draft.group ?? 'typescript',
    alert,
    expr: stated(draft.when),
    clear: draft.clear === undefined ? undefined : stated(draft.clear),
    forMs: msOf(alert, draft.for) ?? 0,
    keepFiringForMs: msOf(alert, draft.keepFiringFor) ?? 0,
    severity: draft.severity ?? 'informational',
    labels: draft.labels ?? {},
    annotations: draft.runbook === undefined ? (draft.annotations ?? {}) : { ...draft.annotations, [RUNBOOK]: draft.runbook },
    params,
    overrides: (draft.overrides ?? []).map((one) => overrideOf(alert, one)),
  };
  const [problem] = checkRule(spec);
  if (problem !== undefined)
    throw new MetricStreamError('invalid_body', `${alert}: ${problem.field.join('.')}: ${problem.message}`);
  return spec;
}

function quantities<P extends Readonly<Record<string, number>>>(params: P): ParamsOf<P> {
  const named = Object.keys(params).map((name) => [name, new Quantity(`params.${name}`)]);
  return Object.fromEntries(named) as ParamsOf<P>;
}

function overrideOf<P extends Readonly<Record<string, number>>>(alert: string, draft: OverrideDraft<P>): RuleOverride {
  const params = Object.entries(draft.params ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    match: draft.match,
    enabled: draft.enabled,
    params: draft.params === undefined ? undefined : Object.fromEntries(params),
    forMs: msOf(alert, draft.for),
    keepFiringForMs: msOf(alert, draft.keepFiringFor),
    severity: draft.severity,
  };
}

function msOf(alert: string, duration: string | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const ms = parseDuration(duration);
  if (ms === undefined)
    throw new MetricStreamError('invalid_body', `${alert}: ${JSON.stringify(duration)} is no duration like 5m`);
  return ms;
}
