/** The colours can be read and told apart, in both themes, whatever the eyes. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('../../../src/edge/dashboard/styles/theme.css', import.meta.url), 'utf8');
const [light = '', dark = ''] = css.split(':root[data-theme="dark"]');
const THEMES = { light, dark };
type ThemeName = keyof typeof THEMES;
type Rgb = readonly [number, number, number];

/** Linear sRGB. */
function color(theme: ThemeName, name: string): Rgb {
  const hex = new RegExp(`--${name}: #([0-9a-f]{6});`).exec(THEMES[theme])?.[1] ?? '';
  const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return [r, g, b];
}

/** WCAG 2.2, 1.4.3: relative luminance and contrast ratio. */
function contrast(a: Rgb, b: Rgb): number {
  const [low = 0, high = 0] = [a, b].map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b).sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** Machado, Oliveira, Fernandes 2009, severity 1, on linear sRGB. */
const EYES = {
  usual: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
} as const;

function times(matrix: readonly number[], vector: Rgb): Rgb {
  const row = (at: number): number =>
    (matrix[at] ?? 0) * vector[0] + (matrix[at + 1] ?? 0) * vector[1] + (matrix[at + 2] ?? 0) * vector[2];
  return [row(0), row(3), row(6)];
}

/** Oklab (Ottosson 2020): equal distances look equally different. */
function oklab(rgb: Rgb): Rgb {
  const clipped: Rgb = [Math.max(0, rgb[0]), Math.max(0, rgb[1]), Math.max(0, rgb[2])];
  const lms = times(
    [
      0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566, 0.0883024619, 0.2817188376,
      0.6299787005,
    ],
    clipped,
  );
  return times(
    [
      0.2104542553, 0.793617785, -0.0040720468, 1.9779984951, -2.428592205, 0.4505937099, 0.0259040371, 0.7827717662,
      -0.808675766,
    ],
    [Math.cbrt(lms[0]), Math.cbrt(lms[1]), Math.cbrt(lms[2])],
  );
}

function closest(theme: ThemeName, eyes: keyof typeof EYES, count: number): number {
  const seen = Array.from({ length: count }, (_, index) => oklab(times(EYES[eyes], color(theme, `series-${index + 1}`))));
  return Math.min(
    ...seen.flatMap((a, index) => seen.slice(0, index).map((b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]))),
  );
}

describe.each(Object.keys(THEMES) as ThemeName[])('%s', (theme) => {
  test.each(['text', 'text-soft', 'text-faint', 'good', 'warn', 'bad'])(
    '%s is readable on page and surface (4.5 to 1)',
    (name) => {
      for (const ground of ['page', 'surface'])
        expect(contrast(color(theme, name), color(theme, ground))).toBeGreaterThanOrEqual(4.5);
    },
  );

  test('text on the accent is readable', () => {
    expect(contrast(color(theme, 'accent-text'), color(theme, 'accent'))).toBeGreaterThanOrEqual(4.5);
  });

  test('every series stands out from the surface (3 to 1)', () => {
    for (let series = 1; series <= 8; series++) {
      expect(contrast(color(theme, `series-${series}`), color(theme, 'surface'))).toBeGreaterThanOrEqual(3);
    }
  });

  test.each(Object.keys(EYES) as (keyof typeof EYES)[])('series can be told apart: %s', (eyes) => {
    expect(closest(theme, eyes, 6)).toBeGreaterThan(0.1);
    expect(closest(theme, eyes, 8)).toBeGreaterThan(0.065);
  });
});
