/** What a rule says otherwise for some places: matching with `*`, and the settings that come of it. */
import type { RuleOverride, RuleSpec } from '../model/alert.ts';
import type { RuleSettings, Where } from './compiled-rule.ts';

/** @returns whether a text fits a pattern in which `*` stands for any text. Time is linear in the text for each `*`. */
export function patternMatcher(pattern: string): (text: string) => boolean {
  const [first = '', ...parts] = pattern.split('*');
  const last = parts.pop();
  if (last === undefined) return (text) => text === pattern;
  return (text) => {
    if (!text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const part of parts) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= end;
  };
}

/** What a name of `match` stands for at a place: the place itself first, then the labels of the series. */
function valueAt(where: Where, name: string): string | undefined {
  if (name === 'host') return where.host;
  if (name === 'datacenter') return where.datacenter;
  if (name === 'environment') return where.environment;
  return Object.hasOwn(where.labels, name) ? where.labels[name] : undefined;
}

/** @returns whether all of `match` holds. What is not there matches nothing, not even `*`. */
function placeMatcher(match: Readonly<Record<string, string>>): (where: Where) => boolean {
  const tests = Object.entries(match).map(([name, pattern]) => ({ name, fits: patternMatcher(pattern) }));
  return (where) =>
    tests.every(({ name, fits }) => {
      const value = valueAt(where, name);
      return value !== undefined && fits(value);
    });
}

/** @returns the settings for a place: those of the first override that matches, else the rule's own. The same place gives the same object. */
export function settingsOf(spec: RuleSpec): (where: Where) => RuleSettings {
  const own: RuleSettings = {
    enabled: true,
    params: spec.params,
    forMs: spec.forMs,
    keepFiringForMs: spec.keepFiringForMs,
    severity: spec.severity,
  };
  const overrides = spec.overrides.map((override) => ({ matches: placeMatcher(override.match), settings: apply(own, override) }));
  return (where) => overrides.find(({ matches }) => matches(where))?.settings ?? own;
}

function apply(own: RuleSettings, { enabled, params, forMs, keepFiringForMs, severity }: RuleOverride): RuleSettings {
  return {
    enabled: enabled ?? own.enabled,
    params: params === undefined ? own.params : { ...own.params, ...params },
    forMs: forMs ?? own.forMs,
    keepFiringForMs: keepFiringForMs ?? own.keepFiringForMs,
    severity: severity ?? own.severity,
  };
}
