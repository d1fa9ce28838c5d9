/** How flags are written and read: each has its METRICSTREAM_ variable. */
import { InvalidArgumentError, Option } from 'commander';

const DURATION = /^(\d+)(ms|s|m|h|d)$/;
const DURATION_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE = /^(\d+)(B|KiB|MiB|GiB)$/;
const SIZE_BYTES: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** `90d`, `12h`, `250ms` in ms. */
export function durationMs(text: string): number {
  const match = DURATION.exec(text);
  if (match === null) throw new InvalidArgumentError('write a number and ms, s, m, h or d, like 90d');
  return Number(match[1]) * (DURATION_MS[match[2] ?? ''] ?? Number.NaN);
}

/** `4GiB`, `64MiB` in bytes. */
export function sizeBytes(text: string): number {
  const match = SIZE.exec(text);
  if (match === null) throw new InvalidArgumentError('write a number and B, KiB, MiB or GiB, like 4GiB');
  return Number(match[1]) * (SIZE_BYTES[match[2] ?? ''] ?? Number.NaN);
}

/** @returns a parser of whole numbers in [min, max]. */
export function integerIn(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`write a whole number in ${min}..${max}`);
    return value;
  };
}

/** `a,b` as a list without blanks. */
export function listOf(text: string): string[] {
  const list = text.split(',').map((one) => one.trim());
  if (list.includes('')) throw new InvalidArgumentError('write names with commas between them');
  return list;
}

/** A flag with its variable: `--data-dir` is METRICSTREAM_DATA_DIR. */
export function flag(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`METRICSTREAM_${option.name().replace(/^no-/, '').replaceAll('-', '_').toUpperCase()}`);
}

const NEXT_PAIR = /,(?=[A-Za-z_][A-Za-z0-9_.-]*=)/;

/** Collects `key=value` of a flag that may be given several times; its variable holds all, as `rack=r7,team=web`. */
export function addPairs(text: string, pairs: Readonly<Record<string, string>>): Record<string, string> {
  const given = text.split(NEXT_PAIR).map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('write key=value');
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return { ...pairs, ...Object.fromEntries(given) };
}
