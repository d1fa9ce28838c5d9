/** The last hour of one metric as minute averages, and the line that shows it. */
import { MINUTE_MS } from '../../model/window.ts';

export interface MinuteHistory {
  /** Takes windows as the API answers them: they replace what live samples had made of those minutes. */
  load(startMs: number, stepMs: number, averages: readonly (number | null)[]): void;
  /** Takes one live sample into the average of its minute. */
  add(timeMs: number, value: number): void;
  /**
   * The averages of the minutes that end with the one of `nowMs`; null where nothing is known.
   * @param count how many of them; all that are kept where it is left out.
   */
  values(nowMs: number, count?: number): (number | null)[];
  /** How many minutes ago the oldest known one began; 0: nothing is known. */
  knownMinutes(nowMs: number): number;
}

/** @param minutes how many are kept, in a ring. */
export function minuteHistory(minutes: number): MinuteHistory {
  const minuteAt = new Float64Array(minutes).fill(-1);
  const sums = new Float64Array(minutes);
  const counts = new Float64Array(minutes);

  const put = (minute: number, sum: number, count: number): void => {
    const slot = minute % minutes;
    if ((minuteAt[slot] ?? -1) > minute) return;
    minuteAt[slot] = minute;
    sums[slot] = sum;
    counts[slot] = count;
  };

  const values: MinuteHistory['values'] = (nowMs, count = minutes) => {
    const first = Math.floor(nowMs / MINUTE_MS) - count + 1;
    return Array.from({ length: count }, (_, index) => {
      const slot = (first + index) % minutes;
      return minuteAt[slot] === first + index ? (sums[slot] ?? 0) / (counts[slot] ?? 1) : null;
    });
  };

  return {
    load(startMs, stepMs, averages) {
      averages.forEach((average, index) => {
        if (average !== null) put(Math.floor((startMs + index * stepMs) / MINUTE_MS), average, 1);
      });
    },
    add(timeMs, value) {
      const minute = Math.floor(timeMs / MINUTE_MS);
      const slot = minute % minutes;
      const known = minuteAt[slot] === minute;
      put(minute, (known ? (sums[slot] ?? 0) : 0) + value, (known ? (counts[slot] ?? 0) : 0) + 1);
    },
    values,
    knownMinutes(nowMs) {
      const all = values(nowMs);
      const first = all.findIndex((value) => value !== null);
      return first < 0 ? 0 : all.length - first;
    },
  };
}

/** SVG path data in a box of SPARK_WIDTH × SPARK_HEIGHT. */
export interface SparkPaths {
  readonly line: string;
  readonly area: string;
}

export const SPARK_WIDTH = 120;
export const SPARK_HEIGHT = 32;
/** Room for the line's own width at the top and the bottom. */
const INSET = 1.5;

/**
 * @param max the value at the top of the box; the bottom is 0.
 * A value between two holes is a dot: a line of length 0 with round ends.
 */
export function sparkPaths(values: readonly (number | null)[], max: number): SparkPaths {
  const dx = SPARK_WIDTH / Math.max(1, values.length - 1);
  const y = (value: number): string => {
    const share = Math.min(1, Math.max(0, value / max));
    return (SPARK_HEIGHT - INSET - share * (SPARK_HEIGHT - 2 * INSET)).toFixed(1);
  };
  let line = '';
  let area = '';
  let runFrom = -1;
  values.forEach((value, index) => {
    if (value === null) return;
    const x = (index * dx).toFixed(1);
    const starts = index === 0 || values[index - 1] === null;
    const ends = index === values.length - 1 || values[index + 1] === null;
    if (starts) runFrom = index;
    line += starts ? `M${x} ${y(value)}${ends ? 'h0' : ''}` : `L${x} ${y(value)}`;
    if (starts && ends) return;
    area += starts ? `M${x} ${SPARK_HEIGHT}L${x} ${y(value)}` : `L${x} ${y(value)}`;
    if (ends && runFrom < index) area += `L${x} ${SPARK_HEIGHT}Z`;
  });
  return { line, area };
}
