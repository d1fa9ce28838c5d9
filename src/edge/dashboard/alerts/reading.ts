/** What an alert read: its values with their units, and the metric and threshold that a chart can show. */
import { catalogueEntry } from '../../../model/catalogue.ts';
import { formatValue } from '../units.ts';
import type { RuleAnswer } from './answers.ts';

/** `avg(cpu)`, `rate("http.requests")`. */
const READ = /^(\w+)\((?:"([^"]+)"|'([^']+)'|([A-Za-z_]\w*)|)\)$/;

type UnitOf = (metric: string) => string | undefined;

/** One value in the words of its expression: `avg(cpu)` 93.2 %. @param unitOf of metrics that are not in the catalogue. */
export function readingText(written: string, value: number, unitOf: UnitOf): string {
  const [, called = '', ...names] = READ.exec(written) ?? [];
  const metric = names.find((name) => name !== undefined);
  if (called === 'silence') return formatValue(value, 'seconds');
  if (called === 'skew') return formatValue(value, 'ms');
  if (called === 'anomaly') return `${formatValue(value, '')} spreads`;
  const unit = metric === undefined ? '' : (catalogueEntry(metric)?.unit ?? unitOf(metric) ?? '');
  if (called === 'count') return formatValue(value, '');
  return formatValue(value, called === 'rate' ? `${unit === 'count' ? '' : unit}/s` : unit);
}

export interface Measure {
  readonly metric: string;
  /** In the metric's own unit; undefined where it cannot be drawn beside it. */
  readonly level: number | undefined;
}

const COMPARISON =
  /\b(\w+)\(\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z_]\w*))\s*\)\s*(?:<=|>=|<|>)\s*(?:params\.(\w+)|(-?\d+(?:\.\d+)?(?:e\d+)?))(?:\s*\*\s*(KiB|MiB|GiB|TiB))?(?!\s*[*/+\-\w.])/;
const ANY_READ = /\b\w+\(\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z_]\w*))\s*\)/;
/** What of a minute lies on the scale of its samples. */
const ON_SCALE = ['avg', 'min', 'max', 'first', 'last'];
const SIZES: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/**
 * The first comparison of an expression. A threshold that an override may change for this host is not guessed at.
 * @returns undefined for a rule that reads no metric.
 */
export function measureOf(rule: Pick<RuleAnswer, 'expr' | 'params' | 'overrides'>): Measure | undefined {
  const found = COMPARISON.exec(rule.expr);
  if (found === null) {
    const [, ...names] = ANY_READ.exec(rule.expr) ?? [];
    const metric = names.find((name) => name !== undefined);
    return metric === undefined ? undefined : { metric, level: undefined };
  }
  const [, called = '', double, single, plain, param, number, size] = found;
  const metric = double ?? single ?? plain ?? '';
  const isSettled = rule.overrides.every(({ params }) => params === null);
  const base = param === undefined ? Number(number) : isSettled ? rule.params[param] : undefined;
  const level = base === undefined ? undefined : base * (SIZES[size ?? ''] ?? 1);
  return { metric, level: ON_SCALE.includes(called) ? level : undefined };
}

/** From some time before it began until it ended, or now: half as long before as it lasted, within bounds. */
export function spanAround(
  onsetMs: number,
  endMs: number,
  bounds: { readonly leastMs: number; readonly mostMs: number },
): { startMs: number; endMs: number } {
  const lead = Math.min(bounds.mostMs / 4, Math.max(bounds.leastMs, (endMs - onsetMs) / 2));
  const startMs = onsetMs - lead;
  return { startMs, endMs: Math.min(startMs + bounds.mostMs, endMs + lead / 4) };
}
