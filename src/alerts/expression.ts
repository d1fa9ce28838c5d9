/** The language of conditions: CEL, parsed by its library and compiled into closures of a three-valued logic, in which what is missing is unknown. */
import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { callNode, methodNode } from './expression-calls.ts';
import { promqlHint } from './expression-promql.ts';
import {
  type Builder,
  broken,
  type Condition,
  type Frame,
  type Num,
  type Read,
  type Text,
  type Typed,
  typeName,
} from './expression-types.ts';

/** What is wrong with a text, and at which character, from 0. */
export interface ExpressionProblem {
  readonly offset: number;
  readonly message: string;
}

const CEL = new Environment({
  limits: {
    maxAstNodes: ALERT_LIMITS.expressionNodesMax,
    maxDepth: ALERT_LIMITS.expressionDepthMax,
    maxListElements: ALERT_LIMITS.expressionNodesMax,
    maxMapEntries: 1,
    maxCallArguments: 8,
  },
});

const SIZES: ReadonlyMap<string, number> = new Map([
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
  ['TiB', 1024 ** 4],
]);

/**
 * Compiles a condition. Never throws.
 * @param params the names that `params.NAME` may have.
 * @param reads what the rule reads; what this expression reads beyond it is added.
 * @returns undefined where there are problems.
 */
export function compileExpression(
  text: string,
  params: readonly string[],
  reads: Read[],
  problems: ExpressionProblem[],
): Condition['run'] | undefined {
  const before = problems.length;
  const ast = parse(text, problems);
  if (ast === undefined) return undefined;
  const builder: Builder = {
    text,
    params,
    reads,
    problem: (node, message) => {
      problems.push({ offset: node.pos, message });
      return broken;
    },
    node: (node) => nodeOf(builder, node),
  };
  const typed = nodeOf(builder, ast);
  if (typed.type !== 'condition' && typed.type !== 'broken')
    builder.problem(ast, `an expression is true or false; this is a ${typeName(typed)}: compare it, like > 90`);
  if (reads.length > ALERT_LIMITS.expressionReadsMax)
    problems.push({ offset: 0, message: `reads more than ${ALERT_LIMITS.expressionReadsMax} things` });
  if (problems.length > before) return withHint(text, problems, before);
  return typed.type === 'condition' ? typed.run : undefined;
}

function parse(text: string, problems: ExpressionProblem[]): ASTNode | undefined {
  if (text.trim() === '') problems.push({ offset: 0, message: 'is empty' });
  else if (text.length > ALERT_LIMITS.expressionLengthMax)
    problems.push({
      offset: ALERT_LIMITS.expressionLengthMax,
      message: `is longer than ${ALERT_LIMITS.expressionLengthMax} characters`,
    });
  else
    try {
      return CEL.parse(text).ast;
    } catch (error) {
      problems.push(syntaxProblem(text, error));
    }
  return undefined;
}

function syntaxProblem(text: string, error: unknown): ExpressionProblem {
  const hint = promqlHint(text);
  const known = error instanceof ParseError;
  const offset = known ? (error.range?.start ?? 0) : 0;
  if (hint !== undefined) return { offset, message: hint };
  const single = text[offset] === '=' && text[offset + 1] !== '=' ? '; write == to compare' : '';
  if (!known) return { offset, message: 'cannot be read: it is nested too deeply' };
  const summary = error.summary.replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase());
  if (/^exceeded max/.test(summary)) return { offset, message: 'is too large: split it into several rules' };
  return { offset, message: `${summary.replace(/\bEOF\b/, 'the end')}${single}` };
}

/** Where PromQL explains it, one sentence about that says more than what each of its parts is not. */
function withHint(text: string, problems: ExpressionProblem[], from: number): undefined {
  const hint = promqlHint(text);
  if (hint !== undefined) problems.splice(from, problems.length - from, { offset: problems[from]?.offset ?? 0, message: hint });
  return undefined;
}

function nodeOf(builder: Builder, node: ASTNode): Typed {
  switch (node.op) {
    case 'value':
      return literal(builder, node, node.args);
    case 'id':
      return named(builder, node, node.args);
    case '.':
      return field(builder, node, node.args[0], node.args[1]);
    case '[]': {
      const [of, key] = node.args;
      if (key.op !== 'value' || typeof key.args !== 'string')
        return builder.problem(key, 'write a name in quotes between [ and ]');
      return field(builder, node, of, key.args);
    }
    case 'call':
      return callNode(builder, node, node.args[0], node.args[1]);
    case 'rcall':
      return methodNode(builder, node, node.args[0], node.args[1], node.args[2]);
    case '&&':
    case '||':
      return logical(builder, node.op, node.args);
    case '!_':
      return negation(builder, node.args);
    case '?:':
      return choice(builder, node, node.args);
    case 'in':
      return membership(builder, node.args);
    case '-_':
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return arithmetic(builder, node);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return comparison(builder, node, node.op, node.args);
    default:
      return builder.problem(node, 'lists stand only after `in`, and there are no maps');
  }
}

function literal(builder: Builder, node: ASTNode, value: unknown): Typed {
  if (typeof value === 'number' || typeof value === 'bigint') {
    const number = Number(value);
    return { type: 'number', run: () => number };
  }
  if (typeof value === 'string') return { type: 'text', run: () => value };
  if (typeof value === 'boolean') return { type: 'condition', run: () => value };
  return builder.problem(node, 'write a number, a text in quotes, true or false');
}

function named(builder: Builder, node: ASTNode, name: string): Typed {
  const size = SIZES.get(name);
  if (size !== undefined) return { type: 'number', run: () => size };
  if (name === 'host') return { type: 'text', run: ({ scope }) => scope.host };
  if (name === 'datacenter') return { type: 'text', run: ({ scope }) => scope.datacenter };
  if (name === 'environment') return { type: 'text', run: ({ scope }) => scope.environment };
  if (name === 'labels' || name === 'params') return builder.problem(node, `write ${name}.NAME`);
  return builder.problem(
    node,
    `expressions are CEL, and there is no ${name}: for a metric write last(${name}); other names are host, datacenter, environment, labels.NAME, params.NAME, KiB, MiB, GiB, TiB`,
  );
}

function field(builder: Builder, node: ASTNode, of: ASTNode, name: string): Typed {
  if (of.op === 'id' && of.args === 'labels') {
    if (name.startsWith('__')) return builder.problem(node, `no label begins with __`);
    return { type: 'text', run: ({ scope }) => (Object.hasOwn(scope.labels, name) ? scope.labels[name] : undefined) };
  }
  if (of.op === 'id' && of.args === 'params') {
    if (!builder.params.includes(name)) {
      const known = builder.params.length === 0 ? 'this rule has no params' : `its params are ${builder.params.join(', ')}`;
      return builder.problem(node, `there is no params.${name}: ${known}`);
    }
    return { type: 'number', run: ({ scope }) => (Object.hasOwn(scope.params, name) ? scope.params[name] : undefined) };
  }
  if (of.op === '.' && of.args[0].op === 'id' && of.args[0].args === 'labels')
    return builder.problem(node, `write labels["${of.args[1]}.${name}"]`);
  return builder.problem(node, `there is no .${name}: only labels and params have fields`);
}

/** The node as a condition; a problem where it is none. */
function conditionOf(builder: Builder, node: ASTNode, where: string): Condition | undefined {
  const typed = nodeOf(builder, node);
  if (typed.type === 'condition') return typed;
  if (typed.type !== 'broken')
    builder.problem(node, `${where} takes conditions; this is a ${typeName(typed)}: compare it, like > 90`);
  return undefined;
}

function logical(builder: Builder, op: '&&' | '||', [one, other]: [ASTNode, ASTNode]): Typed {
  const left = conditionOf(builder, one, op)?.run;
  const right = conditionOf(builder, other, op)?.run;
  if (left === undefined || right === undefined) return broken;
  const decides = op === '||';
  return {
    type: 'condition',
    run: (frame) => {
      const first = left(frame);
      if (first === decides) return decides;
      const second = right(frame);
      if (second === decides) return decides;
      return first === undefined || second === undefined ? undefined : !decides;
    },
  };
}

function negation(builder: Builder, of: ASTNode): Typed {
  const run = conditionOf(builder, of, '!')?.run;
  if (run === undefined) return broken;
  return {
    type: 'condition',
    run: (frame) => {
      const truth = run(frame);
      return truth === undefined ? undefined : !truth;
    },
  };
}

function choice(builder: Builder, node: ASTNode, [condition, then, otherwise]: [ASTNode, ASTNode, ASTNode]): Typed {
  const test = conditionOf(builder, condition, '?:')?.run;
  const left = nodeOf(builder, then);
  const right = nodeOf(builder, otherwise);
  if (test === undefined || left.type === 'broken' || right.type === 'broken') return broken;
  const chosen =
    <T>(yes: (frame: Frame) => T, no: (frame: Frame) => T) =>
    (frame: Frame): T | undefined => {
      const truth = test(frame);
      if (truth !== undefined) return truth ? yes(frame) : no(frame);
      const one = yes(frame);
      return one === no(frame) ? one : undefined;
    };
  if (left.type === 'number' && right.type === 'number') return { type: 'number', run: chosen(left.run, right.run) };
  if (left.type === 'text' && right.type === 'text') return { type: 'text', run: chosen(left.run, right.run) };
  if (left.type === 'condition' && right.type === 'condition') return { type: 'condition', run: chosen(left.run, right.run) };
  return builder.problem(node, `both sides of : are of one kind; these are a ${typeName(left)} and a ${typeName(right)}`);
}

function membership(builder: Builder, [item, list]: [ASTNode, ASTNode]): Typed {
  if (list.op !== 'list') return builder.problem(list, 'after `in` stands a list, like ["/", "/home"]');
  const typed = nodeOf(builder, item);
  const members = list.args.map((one) =>
    one.op === 'value' && typeof one.args === 'bigint' ? Number(one.args) : one.op === 'value' ? one.args : undefined,
  );
  if (typed.type === 'broken') return broken;
  const wanted = typed.type === 'text' ? 'string' : 'number';
  const odd = members.findIndex((one) => typeof one !== wanted);
  if (typed.type === 'condition') return builder.problem(item, 'before `in` stands a text or a number');
  if (odd >= 0)
    return builder.problem(
      list.args[odd] ?? list,
      `the list of a ${typeName(typed)} holds each as it is written: no other kind, and no expressions`,
    );
  const set: ReadonlySet<unknown> = new Set(members);
  const { run } = typed;
  return {
    type: 'condition',
    run: (frame) => {
      const value = run(frame);
      return value === undefined ? undefined : set.has(value);
    },
  };
}

function numberOf(builder: Builder, node: ASTNode, where: string): Num | undefined {
  const typed = nodeOf(builder, node);
  if (typed.type === 'number') return typed;
  if (typed.type !== 'broken') builder.problem(node, `${where} takes numbers; this is a ${typeName(typed)}`);
  return undefined;
}

const ARITHMETIC = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
  '%': (a: number, b: number) => a % b,
} as const;

function arithmetic(builder: Builder, node: Extract<ASTNode, { op: '-_' | keyof typeof ARITHMETIC }>): Typed {
  if (node.op === '-_') {
    const run = numberOf(builder, node.args, '-')?.run;
    if (run === undefined) return broken;
    return {
      type: 'number',
      run: (frame) => {
        const value = run(frame);
        return value === undefined ? undefined : -value;
      },
    };
  }
  const left = numberOf(builder, node.args[0], node.op)?.run;
  const right = numberOf(builder, node.args[1], node.op)?.run;
  if (left === undefined || right === undefined) return broken;
  const apply = ARITHMETIC[node.op];
  const note = node.op === '/' || node.op === '%' ? 'division by zero' : 'a number is beyond all bounds';
  return {
    type: 'number',
    run: (frame) => {
      const a = left(frame);
      const b = right(frame);
      if (a === undefined || b === undefined) return undefined;
      const value = apply(a, b);
      if (Number.isFinite(value)) return value;
      frame.notes.push(note);
      return undefined;
    },
  };
}

type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

const COMPARE: Readonly<Record<'<' | '<=' | '>' | '>=', (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function comparison(builder: Builder, node: ASTNode, op: Comparison, [one, other]: [ASTNode, ASTNode]): Typed {
  if (op === '==' || op === '!=') return equality(builder, node, op === '==', one, other);
  const left = numberOf(builder, one, op)?.run;
  const right = numberOf(builder, other, op)?.run;
  if (left === undefined || right === undefined) return broken;
  const compare = COMPARE[op];
  return {
    type: 'condition',
    run: (frame) => {
      const a = left(frame);
      if (a === undefined) return undefined;
      const b = right(frame);
      return b === undefined ? undefined : compare(a, b);
    },
  };
}

function equality(builder: Builder, node: ASTNode, wanted: boolean, one: ASTNode, other: ASTNode): Typed {
  const left = nodeOf(builder, one);
  const right = nodeOf(builder, other);
  if (left.type === 'broken' || right.type === 'broken') return broken;
  if (left.type !== right.type)
    return builder.problem(node, `a ${typeName(left)} is never equal to a ${typeName(right)}${quoteHint(left, right)}`);
  const a: Num['run'] | Text['run'] | Condition['run'] = left.run;
  const b: Num['run'] | Text['run'] | Condition['run'] = right.run;
  return {
    type: 'condition',
    run: (frame) => {
      const first = a(frame);
      const second = b(frame);
      return first === undefined || second === undefined ? undefined : (first === second) === wanted;
    },
  };
}

function quoteHint(left: Typed, right: Typed): string {
  const isMixed = (left.type === 'text' && right.type === 'number') || (left.type === 'number' && right.type === 'text');
  return isMixed ? ': labels are texts, in quotes; numbers stand without' : '';
}
