/** What a set of samples has to look like when it is read: the definition of windows, in a few lines of its own. */
import { addSample, emptyAggregate, foldAggregate } from '../../src/model/aggregate.ts';
import { compareSamples, type Sample } from './shapes.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The set of (series, time) → value that pushes make. */
export function setOf(samples: readonly Sample[]): [string, number, number, number][] {
  const set = new Map<string, [string, number, number, number]>();
  for (const [name, ms, value] of samples) {
    const held = set.get(`${name} ${ms}`)?.[3];
    if (held === undefined || value > held || (value === held && Object.is(held, -0)))
      set.set(`${name} ${ms}`, [name, ms, 0, value]);
  }
  return [...set.values()].sort(compareSamples);
}

/** Windows as the design defines them: minutes from samples in time order, hours from minutes. */
export function windowsOf(set: readonly (readonly [string, number, number, number])[]) {
  const minutes = new Map<string, ReturnType<typeof emptyAggregate>>();
  for (const [name, ms, , value] of set) {
    const key = `${name} ${Math.floor(ms / MINUTE_MS) * MINUTE_MS}`;
    const aggregate = minutes.get(key) ?? emptyAggregate();
    minutes.set(key, aggregate);
    addSample(aggregate, value);
  }
  const hours = new Map<string, ReturnType<typeof emptyAggregate>>();
  for (const [minute, aggregate] of minutes) {
    const [name = '', start = ''] = minute.split(' ');
    const key = `${name} ${Math.floor(Number(start) / HOUR_MS) * HOUR_MS}`;
    const into = hours.get(key) ?? emptyAggregate();
    hours.set(key, into);
    foldAggregate(into, aggregate);
  }
  return { minutes, hours };
}

/** Windows by series and start, without what depends on when they closed. */
export const withoutRevisions = (windows: readonly Record<string, number | string>[]) =>
  new Map(windows.map(({ key, start, revision: _, ...aggregate }) => [`${key} ${start}`, aggregate]));
