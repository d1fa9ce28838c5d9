/** What the parts of a compiled expression are made of. */
import type { ASTNode } from '@marcbachmann/cel-js';
import type { RuleScope } from './compiled-rule.ts';

/** One judgement under way. */
export interface Frame {
  readonly scope: RuleScope;
  /** What was read, by the place of the read; undefined: it is missing. */
  readonly cells: readonly (number | undefined)[];
  /** Why something came out as it did. */
  readonly notes: string[];
}

export interface Num {
  readonly type: 'number';
  readonly run: (frame: Frame) => number | undefined;
}

export interface Text {
  readonly type: 'text';
  readonly run: (frame: Frame) => string | undefined;
}

export interface Condition {
  readonly type: 'condition';
  readonly run: (frame: Frame) => boolean | undefined;
}

/** `broken`: its problem has been said; nothing around it is worth a second one. */
export type Typed = Num | Text | Condition | { readonly type: 'broken' };

export const broken: Typed = { type: 'broken' };

export function typeName(typed: Typed): string {
  return typed.type;
}

/** Something that is read once a judgement, however often it is written. */
export interface Read {
  /** As it is shown: `avg(cpu)`, `avg("http.requests")`, `silence()`. */
  readonly key: string;
  /** The function that it is written with. */
  readonly reader: string;
  /** Undefined where it is of the host as a whole. */
  readonly metric: string | undefined;
  readonly get: (scope: RuleScope, notes: string[]) => number | undefined;
}

/** What compiles one expression. */
export interface Builder {
  readonly text: string;
  readonly params: readonly string[];
  readonly reads: Read[];
  problem(node: ASTNode, message: string): Typed;
  node(node: ASTNode): Typed;
}
