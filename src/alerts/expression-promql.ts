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
    instead: 'a rule is judged for each host and label set by itself: write sum(METRIC), and group alerts in routes',
  },
  {
    seen: /\)\s{0,9}(?:by|without)\s{0,9}\(/i,
    what: 'an aggregation over series',
    instead: 'a rule is judged for each host and label set by itself: leave `by (...)` out, and group alerts in routes',
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
  String.raw`(${METRIC})?\s{0,9}\{\s{0,9}([A-Za-z_][\w.-]{0,64})\s{0,9}(=~|!~|!=|=)\s{0,9}["']([^"']{0,256})["']`,
);

/** @returns a sentence that names CEL and what to write; undefined where the text is no PromQL that is known. */
export function promqlHint(text: string): string | undefined {
  const bare = text.replace(/"[^"]{0,400}"|'[^']{0,400}'/g, '""');
  const habit = HABITS.find(({ seen }) => seen.test(bare));
  if (habit === undefined) return undefined;
  const instead = habit.instead.replace('%s', () => (habit.what === 'a range' ? ranged(text) : selected(text)));
  return `this is PromQL (${habit.what}); expressions are CEL: ${instead}`;
}

function ranged(text: string): string {
  const match = RANGED.exec(text);
  if (match === null) return 'avg(METRIC)';
  return `${match[1] ?? (match[2] === 'irate' ? 'rate' : match[2])}(${metricText(match[3] ?? 'METRIC')})`;
}

function selected(text: string): string {
  const match = SELECTED.exec(text);
  if (match === null) return 'labels.NAME == "VALUE"';
  const [, metric, label = 'NAME', operator, value = ''] = match;
  const written = /^[A-Za-z_]\w*$/.test(label) ? `labels.${label}` : `labels[${JSON.stringify(label)}]`;
  const condition = `${written} ${operator === '!=' || operator === '!~' ? '!=' : '=='} ${JSON.stringify(value)}`;
  const wide = operator === '=~' || operator === '!~' ? ', or startsWith, endsWith, contains or in: there are no patterns' : '';
  const read = metric === undefined || metric === 'by' || metric === 'without' ? '' : `last(${metricText(metric)}) > 5 && `;
  return `${read}${condition}${wide}`;
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
