/** Matchers as people write them in one line, and those that silence just one incident. */

export type Match = Readonly<Record<string, string>>;

/** `host=web-*, rule=HighCpu`. */
export function matchText(match: Match): string {
  return Object.entries(match)
    .map(([name, pattern]) => `${name}=${/[,"]|^\s|\s$/.test(pattern) ? JSON.stringify(pattern) : pattern}`)
    .join(', ');
}

const PAIR = /\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*("(?:[^"\\]|\\.)*"|[^,]*?)\s*(?:,|$)/;

/** @returns undefined where a part is no `name=pattern`. The empty text is no matchers. */
export function parseMatch(text: string): Match | undefined {
  const pairs: [string, string][] = [];
  const pair = new RegExp(PAIR, 'y');
  let at = 0;
  const rest = text.trimEnd();
  while (at < rest.length) {
    pair.lastIndex = at;
    const found = pair.exec(rest);
    if (found === null || pair.lastIndex === at) return undefined;
    const pattern = unquote(found[2] ?? '');
    if (pattern === undefined) return undefined;
    pairs.push([found[1] ?? '', pattern]);
    at = pair.lastIndex;
  }
  return Object.fromEntries(pairs);
}

function unquote(text: string): string | undefined {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

interface Silenceable {
  readonly group_labels: Match;
}

interface AlertPlace {
  readonly client_id: string;
  readonly rule: string;
}

/**
 * What silences an incident and as little else as matchers can say: what its alerts have in common, and their host and rule
 * where there is one. Nothing is empty: without alerts and labels there is nothing to silence.
 */
export function silenceMatch(incident: Silenceable, alerts: readonly AlertPlace[]): Match | undefined {
  const hosts = new Set(alerts.map(({ client_id }) => client_id));
  const rules = new Set(alerts.map(({ rule }) => rule));
  const match: Record<string, string> = {};
  for (const [name, value] of Object.entries(incident.group_labels)) if (value !== '') match[name] = literal(value);
  const [host, rule] = [[...hosts][0], [...rules][0]];
  if (hosts.size === 1 && host !== undefined) match.host = literal(host);
  if (rules.size === 1 && rule !== undefined) match.rule = literal(rule);
  return Object.keys(match).length === 0 ? undefined : match;
}

/** A leading ! would mean "not": any text in its place says the same of what is really there. */
function literal(value: string): string {
  return value.startsWith('!') ? `*${value.slice(1)}` : value;
}
