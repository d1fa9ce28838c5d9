/** What to write instead, for people who write PromQL: its expressions do not parse as CEL, and a bare syntax error would not help them. */

/** One thing that PromQL has and CEL has not: how it is recognised, and what is said of it. */
interface Habit {
  readonly seen: RegExp;
  /** Which part of the text it is, for the message. */
  readonly what: string;
  readonly instead: string;
}

const METRIC = String.raw`[A-Za-z_][\w:.]{0,200}`;

/** Tried in order: the first says most. Each pattern is bounded, so that no text makes it slow. */
const HABITS: readonly Habit[] = [
  {
    seen: /\b(?:sum|avg|min|max|count|topk|bottomk|quantile|stddev|stdvar|group|count_values)\s{0,9}(?:by|without)\s{0,9}\(/i,
    what: 'an aggregation over series',
    instead: 'each host and label set is judged by itself: write %s, and group alerts in routes',
  },
  {
    seen: /\)\s{0,9}(?:by|without)\s{0,9}\(/i,
    what: 'an aggregation over series',
    instead: 'each host and label set is judged by itself: write %s, and group alerts in routes',
  },
  {
    seen: /\b(?:histogram_quantile|predict_linear|deriv|delta|idelta|irate|holt_winters|resets|changes|absent_over_time|quantile_over_time|label_replace|label_join|vector|scalar|topk|bottomk|clamp(?:_min|_max)?|timestamp)\s{0,9}\(/,
    what: 'a function of PromQL',
    instead: 'there are avg, min, max, sum, count, rate, increase, first, last, absent, anomaly, silence, skew and abs',
  },
  {
    seen: /\[\s{0,9}\d{1,9}(?:ms|[smhdwy])[\d\w\s:]{0,40}\]/,
    what: 'a range',
    instead: 'a rule reads the minute that closed: write %s, and say with `for` how long it has to hold',
  },
  {
    seen: /\{[^{}]{0,400}(?:=~|!~|!=|=)[^{}]{0,400}\}/,
    what: 'a selector',
    instead: 'write %s',
  },
  {
    seen: /^\s{0,9}up\s{0,9}(?:==|!=|<|$)/,
    what: 'up',
    instead: 'for a host that says nothing write silence() > 300, for a metric of that name last(up) == 0',
  },
  { seen: /\boffset\s{1,9}\d/, what: '`offset`', instead: 'a rule reads the minute that closed, and no other' },
  {
    seen: /\b(?:and|or|unless)\b/,
    what: 'a set operator',
    instead: 'write && for `and`, || for `or`, && !(...) for `unless`',
  },
  {
    seen: /\b(?:on|ignoring|group_left|group_right|bool)\b/,
    what: 'vector matching',
    instead: 'both sides are of one host already: leave it out',
  },
];

const RANGED = new RegExp(
  String.raw`\b(?:(avg|min|max|sum|count|first|last)_over_time|(rate|irate|increase))\s{0,9}\(\s{0,9}(${METRIC})`,
);
const SELECTED = new RegExp(
  String.raw`(?:(${METRIC})\s{0,9})?\{\s{0,9}([A-Za-z_][\w.-]{0,64})\s{0,9}(=~|!~|!=|=)\s{0,9}["']([^"']{0,256})["']`,
);
const ENCLOSED = new RegExp(String.raw`\(\s{0,9}(${METRIC})\s{0,9}[)[]`);
const COMPARED = /[\])}]\s{0,9}(==|!=|>=|<=|>|<)\s{0,9}(-?\d[\d.]{0,20})/;

/** @returns a sentence that names CEL and what to write; undefined where the text is no PromQL that is known. */
export function promqlHint(text: string): string | undefined {
  const bare = text.replace(/"[^"]{0,400}"|'[^']{0,400}'/g, '""');
  const habit = HABITS.find(({ seen }) => seen.test(bare));
  if (habit === undefined) return undefined;
  return `this is PromQL (${habit.what}); expressions are CEL: ${habit.instead.replace('%s', () => inCel(text))}`;
}

/** About the same in CEL, for one host and label set. */
function inCel(text: string): string {
  const [, overTime, counted, ranged] = RANGED.exec(text) ?? [];
  const [, selected, label, operator = '=', value = ''] = SELECTED.exec(text) ?? [];
  const [, comparison = '>', bound = '5'] = COMPARED.exec(text) ?? [];
  const metric = ranged ?? (selected === 'by' || selected === 'without' ? undefined : selected) ?? ENCLOSED.exec(text)?.[1];
  const reader = overTime ?? (counted === 'irate' ? 'rate' : counted) ?? 'last';
  const parts = [];
  if (metric !== undefined || label === undefined)
    parts.push(`${reader}(${metricText(metric ?? 'METRIC')}) ${comparison} ${bound}`);
  if (label !== undefined) {
    const written = CEL_NAME.test(label) ? `labels.${label}` : `labels[${JSON.stringify(label)}]`;
    parts.push(`${written} ${operator.startsWith('!') ? '!=' : '=='} ${JSON.stringify(value)}`);
  }
  return `${parts.join(' && ')}${operator.endsWith('~') ? ' (or startsWith, endsWith, contains, in: there are no patterns)' : ''}`;
}

const CEL_NAME = /^[A-Za-z_]\w*$/;
/** Words that CEL keeps for itself. */
const CEL_WORDS = new Set(
  'as break const continue else for function if import in let loop package namespace return var void while true false null prototype'.split(
    ' ',
  ),
);

/** A metric as it is written in an expression: a name that is none of CEL's stands in quotes. */
export function metricText(metric: string): string {
  return CEL_NAME.test(metric) && !CEL_WORDS.has(metric) && !metric.startsWith('__') ? metric : JSON.stringify(metric);
}
