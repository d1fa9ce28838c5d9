/** What a window keeps of its samples, and how windows fold into wider ones. */

/**
 * Aggregates of one series over one window. `first` and `last` are by timestamp; `increase` is the sum of the
 * positive steps between neighbours in the window, for counters; a fall is a reset and adds nothing.
 */
export interface Aggregate {
  count: number;
  sum: number;
  min: number;
  max: number;
  first: number;
  last: number;
  increase: number;
}

/** The aggregate of no sample; `add` and `fold` start from it. */
export function emptyAggregate(): Aggregate {
  return { count: 0, sum: 0, min: 0, max: 0, first: 0, last: 0, increase: 0 };
}

/** The increase from one counter reading to the next. */
export function increaseOf(before: number, after: number): number {
  return after > before ? after - before : 0;
}

/** Adds the next sample in timestamp order. The order fixes the sum bit for bit. */
export function addSample(into: Aggregate, value: number): void {
  if (into.count === 0) {
    into.count = 1;
    into.sum = value;
    into.min = value;
    into.max = value;
    into.first = value;
    into.last = value;
    into.increase = 0;
    return;
  }
  into.count += 1;
  into.sum += value;
  if (value < into.min) into.min = value;
  if (value > into.max) into.max = value;
  into.increase += increaseOf(into.last, value);
  into.last = value;
}

/** Folds the next window in time order into a wider one: an hour is the fold of its minutes. */
export function foldAggregate(into: Aggregate, next: Aggregate): void {
  if (next.count === 0) return;
  if (into.count === 0) {
    into.count = next.count;
    into.sum = next.sum;
    into.min = next.min;
    into.max = next.max;
    into.first = next.first;
    into.last = next.last;
    into.increase = next.increase;
    return;
  }
  into.count += next.count;
  into.sum += next.sum;
  if (next.min < into.min) into.min = next.min;
  if (next.max > into.max) into.max = next.max;
  into.increase += next.increase + increaseOf(into.last, next.first);
  into.last = next.last;
}
