/** Numbers, labels and cells as the answers' text. */
import type { Labels } from '../model/series.ts';

/** JSON of a finite number; −0 stays what it is, which JSON.stringify would lose. */
export function numberText(value: number): string {
  return value === 0 && 1 / value < 0 ? '-0' : String(value);
}

export function labelsText(labels: Labels): string {
  return labels.length === 0 ? '{}' : JSON.stringify(Object.fromEntries(labels));
}

/**
 * One cell of CSV (RFC 4180). A text that a spreadsheet would run as a formula gets an apostrophe in front.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const CSV_END = '\r\n';
