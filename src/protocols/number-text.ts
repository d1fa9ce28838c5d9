/** Numbers as the text of our JSON. */

/** JSON of a finite number; −0 stays what it is, which JSON.stringify would lose. */
export function numberText(value: number): string {
  return isMinusZero(value) ? '-0' : String(value);
}

export function isMinusZero(value: number | null): boolean {
  return value === 0 && 1 / value < 0;
}
