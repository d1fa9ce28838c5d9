/** Durations as Prometheus writes them: `5m`, `1h30m`, `0`. */

const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
/** The widths of DURATION's groups, ms. */
const WIDTHS = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1] as const;
const UNITS = ['y', 'w', 'd', 'h', 'm', 's', 'ms'] as const;

/** @returns ms; undefined where the text is no duration. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = text === '' ? null : DURATION.exec(text);
  if (match === null) return undefined;
  const ms = WIDTHS.reduce((sum, width, i) => sum + width * Number(match[i + 1] ?? 0), 0);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** The shortest way to write a whole number of ms, which parseDuration reads back. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  let rest = ms;
  let text = '';
  WIDTHS.forEach((width, i) => {
    const count = Math.floor(rest / width);
    rest -= count * width;
    if (count > 0) text += `${count}${UNITS[i]}`;
  });
  return text;
}
