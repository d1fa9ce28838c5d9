/** Where the axes of a chart have their marks, and what stands beside them. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../model/window.ts';
import { formatCompact, formatDuration, formatValue } from './units.ts';

/** Distances of marks on a y axis: powers of two for bytes, so that they read 512 MiB and 1 GiB. */
export function axisSteps(unit: string): number[] | undefined {
  if (!unit.startsWith('bytes')) return undefined;
  return Array.from({ length: 52 }, (_, power) => 2 ** power);
}

/**
 * A mark in the digits that tell it from the next: 40 %, 1.5 GiB/s, 22.75. A unit that is not ours stands in the title only.
 * @param step distance of two marks.
 */
export function axisLabel(value: number, unit: string, step: number): string {
  const decimals = Math.min(9, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  const plain = String(Number(value.toFixed(decimals)));
  if (unit === 'percent') return `${plain} %`;
  if (unit === 'seconds') return formatDuration(value);
  if (unit.startsWith('bytes'))
    return formatValue(value, unit).replace(/\.(\d*?)0+(?=\D)/, (_, digits: string) => (digits ? `.${digits}` : ''));
  const short = Math.abs(value) < 10_000 ? plain : formatCompact(value);
  return unit === 'per_second' ? `${short}/s` : short;
}

/** Distances of marks on a time axis, ms: the ones that people count in. */
export const TIME_STEPS: number[] = [
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1_000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 4, 6, 12].map((hours) => hours * HOUR_MS),
  ...[1, 2, 7, 14, 30, 90, 365].map((days) => days * DAY_MS),
];

const two = (value: number): string => String(value).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** @param date in the zone of the person who looks. @param stepMs distance of two marks. */
export function timeLabel(date: Date, stepMs: number): string {
  const day = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
  const atMidnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  if (stepMs >= DAY_MS || atMidnight) return day;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return stepMs < MINUTE_MS ? `${clock}:${two(date.getSeconds())}` : clock;
}

/** The time under the crosshair. @param fine to the second, as samples have it. */
export function cursorLabel(date: Date, fine: boolean): string {
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (fine) return `${clock}:${two(date.getSeconds())}`;
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${clock}`;
}

/**
 * Least and greatest value of a y axis. Nothing to show: 0 to 1.
 * @param scale see ChartPlan.
 */
export function axisRange(scale: 'full' | 'zero' | 'mirror' | 'free', unit: string, low: number, high: number): [number, number] {
  const least = unit === 'percent' ? 5 : 0;
  const room = (value: number): number => value * 1.08;
  if (scale === 'full') return [0, 100];
  if (scale === 'mirror') return [Math.min(room(low), 0), Math.max(room(high), 0) || (low < 0 ? 0 : 1)];
  if (scale === 'zero' || (low >= 0 && low < high * 0.7) || low === high) {
    const top = Math.max(room(high), least) || 1;
    return [Math.min(room(low), 0), unit === 'percent' ? Math.max(high, Math.min(top, 100)) : top];
  }
  const pad = (high - low) * 0.1;
  return [low - pad, high + pad];
}
