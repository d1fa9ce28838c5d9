/** Numbers for people: a value with its unit, short and in a steady width. */

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const DECIMAL = ['', ' k', ' M', ' G', ' T'] as const;
const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Three digits, never an exponent: 0.153, 1.53, 15.3, 153. Whole numbers have no decimals. */
function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value)) return String(value);
  if (size < 0.0005) return '<0.001';
  return value.toFixed(size < 0.1 ? 3 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

/** Divides by `base` until the number is short, and says how often. The rounding to 3 digits must not give 1,000. */
function scaled(value: number, base: number, steps: number): { value: number; step: number } {
  let step = 0;
  let rest = value;
  while (Math.abs(rest) >= base * 0.9995 && step < steps - 1) {
    rest /= base;
    step++;
  }
  return { value: rest, step };
}

export function formatBytes(bytes: number): string {
  const { value, step } = scaled(bytes, 1024, BINARY.length);
  return `${step === 0 ? Math.round(value) : threeDigits(value)} ${BINARY[step]}`;
}

/** 950, 12.4 k, 3.07 M. */
export function formatCompact(count: number): string {
  const { value, step } = scaled(count, 1000, DECIMAL.length);
  return `${threeDigits(value)}${DECIMAL[step]}`;
}

/** 1,234,567. */
export function formatCount(count: number): string {
  return GROUPED.format(count);
}

/** The two greatest units of a time: 340 ms, 12 s, 3 min 20 s, 2 d 4 h. */
export function formatDuration(seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 1e-6 && size > 0) return `${threeDigits(seconds * 1e9)} ns`;
  if (size < 1e-3 && size > 0) return `${threeDigits(seconds * 1e6)} µs`;
  if (size < 1 && size > 0) return `${threeDigits(seconds * 1e3)} ms`;
  if (size < 60) return `${threeDigits(seconds)} s`;
  const sign = seconds < 0 ? '-' : '';
  const two = (greater: number, greaterUnit: string, lesserUnit: string, parts: number): string => {
    const whole = Math.floor(size / greater);
    const rest = Math.floor((size - whole * greater) / (greater / parts));
    return `${sign}${whole} ${greaterUnit}${rest === 0 ? '' : ` ${rest} ${lesserUnit}`}`;
  };
  if (size < 3_600) return two(60, 'min', 's', 60);
  if (size < 86_400) return two(3_600, 'h', 'min', 60);
  return two(86_400, 'd', 'h', 24);
}

/** A share of 100 in the digits that matter: 0.4 %, 34.2 %, 100 %. */
function formatPercent(percent: number): string {
  return Number.isInteger(percent) ? `${percent} %` : `${percent.toFixed(1)} %`;
}

/** @param unit as in the catalogue; another unit is written behind the number as it came. */
export function formatValue(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  switch (unit) {
    case 'percent':
      return formatPercent(value);
    case 'bytes':
      return formatBytes(value);
    case 'bytes_per_second':
      return `${formatBytes(value)}/s`;
    case 'per_second':
      return `${formatCompact(value)}/s`;
    case 'seconds':
    case 's':
      return formatDuration(value);
    case 'milliseconds':
    case 'ms':
      return formatDuration(value / 1000);
    case 'count':
    case '':
      return formatCompact(value);
    default:
      return `${formatCompact(value)} ${unit}`;
  }
}

/** What stands beside a chart's title. */
export function unitLabel(unit: string): string {
  const known: Readonly<Record<string, string>> = {
    percent: '%',
    bytes_per_second: 'bytes/s',
    per_second: 'per second',
    count: '',
  };
  return known[unit] ?? unit;
}

/** The share received / expected, rounded down, so that 100 % means every one. */
export function formatShare(part: number, whole: number): string {
  if (whole <= 0) return '–';
  if (part >= whole) return '100 %';
  return `${(Math.floor((part / whole) * 100_000) / 1_000).toFixed(3)} %`;
}
