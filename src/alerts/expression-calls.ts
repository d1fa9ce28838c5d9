/** The functions of the expression language: what a condition can read of a host. */
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Aggregate } from '../model/aggregate.ts';
import { LIMITS } from '../model/limits.ts';
import { NAME_PATTERN } from '../model/series.ts';
import { MINUTE_MS } from '../model/window.ts';
import type { RuleScope } from './compiled-rule.ts';
import { metricText } from './expression-promql.ts';
import { type Builder, broken, type Frame, type Read, type Typed, typeName } from './expression-types.ts';

const RATE_SECONDS = MINUTE_MS / 1_000;

/** Of the minute; of one sample there is no increase. */
const AGGREGATES: ReadonlyMap<string, (window: Aggregate) => number | undefined> = new Map([
  ['avg', ({ sum, count }: Aggregate) => sum / count],
  ['min', ({ min }: Aggregate) => min],
  ['max', ({ max }: Aggregate) => max],
  ['sum', ({ sum }: Aggregate) => sum],
  ['count', ({ count }: Aggregate) => count],
  ['first', ({ first }: Aggregate) => first],
  ['last', ({ last }: Aggregate) => last],
  ['increase', ({ count, increase }: Aggregate) => (count < 2 ? undefined : increase)],
  ['rate', ({ count, increase }: Aggregate) => (count < 2 ? undefined : increase / RATE_SECONDS)],
]);

/** What one sample says as well as a minute does. */
export const SAMPLE_READERS: ReadonlySet<string> = new Set(['avg', 'min', 'max', 'first', 'last']);

const KNOWN = `${[...AGGREGATES.keys()].join(', ')}, absent, anomaly, silence, skew, abs, has`;

export function callNode(builder: Builder, node: ASTNode, name: string, args: readonly ASTNode[]): Typed {
  const aggregate = AGGREGATES.get(name);
  if (aggregate !== undefined)
    return metricRead(builder, node, name, args, (metric) => (scope) => {
      const window = scope.window(metric);
      return window === undefined || window.count === 0 ? undefined : aggregate(window);
    });
  switch (name) {
    case 'absent':
      return absent(builder, node, args);
    case 'anomaly':
      return metricRead(builder, node, name, args, (metric) => (scope, notes) => {
        const found = scope.anomaly(metric);
        if (found !== undefined) notes.push(`anomaly(${metricText(metric)}): ${found.explanation}`);
        return found?.score;
      });
    case 'silence':
      return hostRead(builder, node, name, args, (scope) => scope.silenceSeconds);
    case 'skew':
      return hostRead(builder, node, name, args, (scope) => scope.skewMs);
    case 'abs':
      return absolute(builder, node, args);
    case 'has':
      return has(builder, node, args);
    default:
      return builder.problem(node, `there is no function ${name}: there are ${KNOWN}`);
  }
}

function hostRead(builder: Builder, node: ASTNode, name: string, args: readonly ASTNode[], get: Read['get']): Typed {
  if (args.length > 0) return builder.problem(args[0] ?? node, `${name}() takes nothing`);
  return cell(builder, { key: `${name}()`, reader: name, metric: undefined, get });
}

function metricRead(
  builder: Builder,
  node: ASTNode,
  reader: string,
  args: readonly ASTNode[],
  getOf: (metric: string) => Read['get'],
): Typed {
  const metric = metricOf(builder, node, reader, args);
  return metric === undefined
    ? broken
    : cell(builder, { key: `${reader}(${metricText(metric)})`, reader, metric, get: getOf(metric) });
}

/** A number that is read before the expression runs; the same read has one place, however often it is written. */
function cell(builder: Builder, read: Read): Typed {
  const known = builder.reads.findIndex(({ key }) => key === read.key);
  const place = known >= 0 ? known : builder.reads.push(read) - 1;
  return { type: 'number', run: ({ cells }: Frame) => cells[place] };
}

/** The one argument of a function that reads a metric: a name, or a text. */
function metricOf(builder: Builder, node: ASTNode, reader: string, args: readonly ASTNode[]): string | undefined {
  const [arg] = args;
  if (arg === undefined || args.length > 1) {
    builder.problem(args[1] ?? node, `${reader}() takes one metric, like ${reader}(cpu)`);
    return undefined;
  }
  const name = arg.op === 'id' ? arg.args : arg.op === 'value' ? arg.args : undefined;
  if (typeof name !== 'string') {
    const written = builder.text.slice(arg.start, arg.end);
    const quoted = NAME_PATTERN.test(written) ? `${reader}("${written}")` : `${reader}(cpu) or ${reader}("http.requests")`;
    builder.problem(arg, `a metric is a name or a text: write ${quoted}`);
    return undefined;
  }
  if (name.length <= LIMITS.metricNameLengthMax && NAME_PATTERN.test(name)) return name;
  builder.problem(arg, `no metric can have the name ${JSON.stringify(name.slice(0, 40))}`);
  return undefined;
}

function absent(builder: Builder, node: ASTNode, args: readonly ASTNode[]): Typed {
  const get = (metric: string) => (scope: RuleScope) => {
    const truth = scope.absent(metric);
    return truth === undefined ? undefined : Number(truth);
  };
  const read = metricRead(builder, node, 'absent', args, get);
  if (read.type !== 'number') return read;
  return {
    type: 'condition',
    run: (frame) => {
      const value = read.run(frame);
      return value === undefined ? undefined : value === 1;
    },
  };
}

function absolute(builder: Builder, node: ASTNode, args: readonly ASTNode[]): Typed {
  const [arg] = args;
  if (arg === undefined || args.length > 1) return builder.problem(args[1] ?? node, 'abs() takes one number, like abs(skew())');
  const typed = builder.node(arg);
  if (typed.type === 'broken') return typed;
  if (typed.type !== 'number') return builder.problem(arg, `abs() takes a number; this is a ${typeName(typed)}`);
  const { run } = typed;
  return {
    type: 'number',
    run: (frame) => {
      const value = run(frame);
      return value === undefined ? undefined : Math.abs(value);
    },
  };
}

/** Whether there is a label: what `labels.NAME` cannot say, which is unknown where there is none. */
function has(builder: Builder, node: ASTNode, args: readonly ASTNode[]): Typed {
  const [arg] = args;
  const isLabel = arg?.op === '.' && arg.args[0].op === 'id' && arg.args[0].args === 'labels';
  if (!isLabel || args.length > 1) return builder.problem(arg ?? node, 'has() takes a label, like has(labels.mount)');
  const name = arg.args[1];
  return { type: 'condition', run: ({ scope }) => Object.hasOwn(scope.labels, name) };
}

const METHODS: ReadonlyMap<string, (text: string, part: string) => boolean> = new Map([
  ['startsWith', (text: string, part: string) => text.startsWith(part)],
  ['endsWith', (text: string, part: string) => text.endsWith(part)],
  ['contains', (text: string, part: string) => text.includes(part)],
]);

export function methodNode(builder: Builder, node: ASTNode, name: string, of: ASTNode, args: readonly ASTNode[]): Typed {
  const apply = METHODS.get(name);
  if (apply === undefined) {
    const why = name === 'matches' ? 'patterns are not offered' : `there is no .${name}()`;
    return builder.problem(node, `${why}: texts have startsWith, endsWith and contains`);
  }
  const [arg] = args;
  if (arg === undefined || args.length > 1) return builder.problem(args[1] ?? node, `.${name}() takes one text`);
  const text = builder.node(of);
  const part = builder.node(arg);
  if (text.type === 'broken' || part.type === 'broken') return broken;
  if (text.type !== 'text') return builder.problem(of, `.${name}() is for texts; this is a ${typeName(text)}`);
  if (part.type !== 'text') return builder.problem(arg, `.${name}() takes a text; this is a ${typeName(part)}`);
  return {
    type: 'condition',
    run: (frame) => {
      const one = text.run(frame);
      const other = part.run(frame);
      return one === undefined || other === undefined ? undefined : apply(one, other);
    },
  };
}
