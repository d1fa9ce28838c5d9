/** Samples of several series, brought onto one time axis for a chart, in no more points than it can show. */

/** Ascending Unix ms, and a value at each. */
export interface Points {
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** undefined: no sample of this series at this time. null: a hole, where the line has to break. */
export type Cell = number | null | undefined;

export interface Frame {
  readonly times: readonly number[];
  readonly columns: readonly (readonly Cell[])[];
}

/** A series that is quiet for this many of its usual intervals has a hole there; one push lost is not yet one. */
const HOLE_INTERVALS = 3.5;

function usualInterval(times: readonly number[]): number {
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? Number.POSITIVE_INFINITY;
}

/** Start times of the holes of a series. */
function holes(times: readonly number[]): number[] {
  const widest = usualInterval(times) * HOLE_INTERVALS;
  return times.filter((time, index) => (times[index + 1] ?? time) - time > widest);
}

/**
 * All times of all series once, ascending. A hole is marked by nulls: 1 ms after its last sample, and at every
 * time of other series inside it.
 */
export function alignPoints(all: readonly Points[]): Frame {
  const holesOf = all.map((points) => holes(points.times));
  const union = new Set<number>();
  for (const points of all) for (const time of points.times) union.add(time);
  for (const starts of holesOf) for (const start of starts) union.add(start + 1);
  const times = Float64Array.from(union).sort();
  const columns = all.map((points, series) => {
    const starts = new Set(holesOf[series]);
    let next = 0;
    let inHole = false;
    return Array.from(times, (time): Cell => {
      if (points.times[next] !== time) return inHole ? null : undefined;
      inHole = starts.has(time);
      return points.values[next++];
    });
  });
  return { times: Array.from(times), columns };
}

/**
 * At most `pointsMax` points: of each equal stretch of time the least and the greatest value stay, at their own
 * times, so that no spike is lost.
 */
export function downsample(points: Points, pointsMax: number): Points {
  const { times, values } = points;
  if (times.length <= pointsMax) return points;
  const stretches = Math.max(1, Math.floor(pointsMax / 2));
  const first = times[0] ?? 0;
  const width = ((times.at(-1) ?? first) - first) / stretches || 1;
  const kept: number[] = [];
  let low = 0;
  let high = 0;
  const keep = (): void => {
    kept.push(Math.min(low, high));
    if (low !== high) kept.push(Math.max(low, high));
  };
  let stretch = 0;
  times.forEach((time, index) => {
    const at = Math.min(stretches - 1, Math.floor((time - first) / width));
    if (at !== stretch) {
      keep();
      stretch = at;
      low = index;
      high = index;
      return;
    }
    const value = values[index] ?? 0;
    if (value < (values[low] ?? 0)) low = index;
    if (value > (values[high] ?? 0)) high = index;
  });
  keep();
  return { times: kept.map((index) => times[index] ?? 0), values: kept.map((index) => values[index] ?? 0) };
}

/**
 * Each column on top of those before it. Where a column has nothing but another has, it counts 0; where none has,
 * all are null.
 * @param shown which columns take part; the others stay as they came.
 */
export function stackColumns(columns: readonly (readonly Cell[])[], shown: readonly boolean[]): Cell[][] {
  const heights = new Map<number, number>();
  return columns.map((column, series) => {
    if (!shown[series]) return [...column];
    return column.map((value, index): Cell => {
      const empty = columns.every((other, at) => !shown[at] || other[index] === null || other[index] === undefined);
      if (empty) return null;
      const height = (heights.get(index) ?? 0) + (value ?? 0);
      heights.set(index, height);
      return height;
    });
  });
}

/** Places of values with a hole or an end on both sides: no line reaches them, so they are drawn as dots. */
export function lonePlaces(column: readonly Cell[]): number[] {
  const lone: number[] = [];
  let run: number[] = [];
  const endRun = (): void => {
    if (run.length === 1) lone.push(...run);
    run = [];
  };
  column.forEach((value, index) => {
    if (typeof value === 'number') run.push(index);
    else if (value === null) endRun();
  });
  endRun();
  return lone;
}
