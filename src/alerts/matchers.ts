/** Matchers: which alerts a silence, a maintenance window or a route is about. */
import type { Transition } from '../model/alert.ts';
import type { Matchers } from '../model/incident.ts';

/** What an alert is called under a name: `host`, `rule`, `group`, `severity`, `datacenter`, `environment`, or a label. */
export function fieldOf(transition: Transition, name: string): string | undefined {
  switch (name) {
    case 'host':
      return transition.client;
    case 'rule':
    case 'group':
    case 'severity':
    case 'datacenter':
    case 'environment':
      return transition[name];
    default:
      return Object.hasOwn(transition.labels, name) ? transition.labels[name] : undefined;
  }
}

/** @returns whether all matchers hold; without any they do. */
export type Matcher = (transition: Transition) => boolean;

/**
 * `*` stands for any text, a leading `!` for not. A name that the alert does not have is the empty text, which `*` does not match:
 * `mount: "*"` is about alerts that have a mount, `mount: ""` and `mount: "!*"` about those that have none.
 */
export function compileMatchers(match: Matchers): Matcher {
  const tests = Object.entries(match).map(([name, pattern]) => {
    const negated = pattern.startsWith('!');
    const holds = compilePattern(negated ? pattern.slice(1) : pattern);
    return (transition: Transition): boolean => holds(fieldOf(transition, name) ?? '') !== negated;
  });
  return (transition) => tests.every((holds) => holds(transition));
}

/** Looks for the fixed parts one after the other: linear, unlike a regular expression. */
function compilePattern(pattern: string): (text: string) => boolean {
  const [head = '', ...parts] = pattern.split('*');
  const tail = parts.pop();
  if (tail === undefined) return (text) => text === pattern;
  return (text) => {
    if (text === '' || text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
    let from = head.length;
    for (const part of parts) {
      const found = text.indexOf(part, from);
      if (found < 0) return false;
      from = found + part.length;
    }
    return from <= text.length - tail.length;
  };
}
