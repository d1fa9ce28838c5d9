/** Timestamps as clients write them, kept to the nanosecond: whole milliseconds and a remainder. */

export interface Timestamp {
  /** Unix ms, an integer ≥ 0. */
  readonly ms: number;
  /** 0..999,999 */
  readonly ns: number;
}

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const DECIMAL_NS = /^\d{1,19}$/;

/**
 * Unix ms as a number (a fraction of a ms is cut), a decimal text of Unix ns, or RFC 3339 (a leap second is refused).
 * @returns undefined for anything else. A number beyond 2^53 has lost digits and is refused.
 */
export function parseTimestamp(value: unknown): Timestamp | undefined {
  if (typeof value === 'number') {
    const ms = Math.floor(value);
    return Number.isSafeInteger(ms) && ms >= 0 ? { ms, ns: 0 } : undefined;
  }
  if (typeof value !== 'string') return undefined;
  if (DECIMAL_NS.test(value)) {
    return { ms: Number(value.slice(0, -6)), ns: Number(value.slice(-6)) };
  }
  return parseRfc3339(value);
}

function parseRfc3339(text: string): Timestamp | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(at);
  const exact =
    year >= 1970 && back.getUTCMonth() === month - 1 && back.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!exact) return undefined;
  const offsetHours = Number(match[9] ?? 0);
  const offsetMinutes = Number(match[10] ?? 0);
  if (offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000 * (match[8] === '-' ? -1 : 1);
  const fraction = (match[7] ?? '').padEnd(9, '0');
  const ms = at - offsetMs + Number(fraction.slice(0, 3));
  return ms >= 0 ? { ms, ns: Number(fraction.slice(3)) } : undefined;
}

/** Unix ns as decimal text where there is a remainder, else Unix ms as a number: what the API answers. */
export function formatTimestamp(ms: number, ns: number): number | string {
  return ns === 0 ? ms : `${ms}${String(ns).padStart(6, '0')}`;
}
