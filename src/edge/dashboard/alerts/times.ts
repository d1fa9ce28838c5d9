/** Points in time and stretches of it, as people at an alert read them. */
import { HOUR_MS, MINUTE_MS } from '../../../model/window.ts';
import { formatDuration } from '../units.ts';

const two = (value: number): string => String(value).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** 26 Nov 2026 05:44:23, in the zone of the person who looks. */
export function exactTime(date: Date): string {
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${date.getFullYear()} ${clockTime(date)}`;
}

export function clockTime(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** 42 s, 3 min 20 s; whole seconds, as nobody waits for less. "–" for what is not there. */
export function stretch(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–';
  const seconds = Math.round(ms / 1_000);
  if (seconds === 0) return ms > 0 ? '<1 s' : '0 s';
  return formatDuration(seconds);
}

/** How long after the beginning: +42 s; before it: −1 min. */
export function offsetText(ms: number): string {
  if (Math.abs(ms) < 500) return '+0 s';
  return `${ms < 0 ? '−' : '+'}${stretch(Math.abs(ms))}`;
}

const PARTS = [
  ['d', 24 * HOUR_MS],
  ['h', HOUR_MS],
  ['m', MINUTE_MS],
  ['s', 1_000],
] as const;
const SPAN = /^(?:(\d{1,6})d)?\s*(?:(\d{1,6})h)?\s*(?:(\d{1,6})m)?\s*(?:(\d{1,6})s)?$/;

/** @returns ms of `30s`, `5m`, `1h 30m`, `2d`; undefined where the text is no such thing. */
export function parseSpan(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  const match = trimmed === '' ? null : SPAN.exec(trimmed);
  if (match === null) return undefined;
  return PARTS.reduce((sum, [, width], index) => sum + width * Number(match[index + 1] ?? 0), 0);
}

/** What parseSpan reads back, to the second. */
export function spanText(ms: number): string {
  if (ms < 1_000) return '0';
  let rest = ms;
  const parts = PARTS.flatMap(([unit, width]) => {
    const count = Math.floor(rest / width);
    rest -= count * width;
    return count === 0 ? [] : [`${count}${unit}`];
  });
  return parts.join(' ');
}
