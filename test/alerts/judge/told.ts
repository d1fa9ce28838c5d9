/** What the model says of a history, and what the evaluator has said, in the same words. */
import { evidenceOf } from './evidence.ts';
import { type History, START_MS } from './history.ts';
import type { Lived } from './lives.ts';
import { lifeOf, type Told } from './model.ts';

function shown([to, onsetMs, atMs]: Told): string {
  return `${to} since ${(onsetMs - START_MS) / 1000} at ${(atMs - START_MS) / 1000}`;
}

export function toldOf({ spec, events }: History): string[] {
  const clearsBelow = spec.clear === undefined ? undefined : 70;
  const rule = { forMs: spec.forMs, keepMs: spec.keepFiringForMs, above: 90, clearsBelow };
  return lifeOf(evidenceOf(events, rule), rule).map(shown);
}

/** Corrections are history, and no part of the life. */
export function keptIn({ kept }: Lived): string[] {
  return kept.filter(({ amended }) => !amended).map(({ to, onsetMs, atMs }) => shown([to, onsetMs, atMs]));
}
