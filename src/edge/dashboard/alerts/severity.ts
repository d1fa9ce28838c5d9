/** Severities on the page: how much each weighs, and the shape that says it without its colour. */

export type SeverityShape = 'octagon' | 'triangle' | 'diamond' | 'circle';

interface Look {
  /** As the incidents themselves weigh it: a word of one's own is more than informational. */
  readonly rank: number;
  readonly shape: SeverityShape;
  /** Drawn into the shape. */
  readonly sign: string;
}

const KNOWN: Readonly<Record<'critical' | 'high' | 'informational', Look>> = {
  critical: { rank: 3, shape: 'octagon', sign: '!' },
  high: { rank: 2, shape: 'triangle', sign: '!' },
  informational: { rank: 0, shape: 'circle', sign: 'i' },
};
const CUSTOM: Look = { rank: 1, shape: 'diamond', sign: '' };

export type SeverityLevel = keyof typeof KNOWN | 'custom';

export function severityLevel(severity: string): SeverityLevel {
  return severity === 'critical' || severity === 'high' || severity === 'informational' ? severity : 'custom';
}

export function severityLook(severity: string): Look {
  const level = severityLevel(severity);
  return level === 'custom' ? CUSTOM : KNOWN[level];
}

/** Corners of each shape in a box of 20. */
export const SHAPE_PATHS: Readonly<Record<SeverityShape, string>> = {
  octagon: 'M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3z',
  triangle: 'M10 1.4 19.4 18H.6z',
  diamond: 'M10 1l9 9-9 9-9-9z',
  circle: 'M10 1a9 9 0 1 1 0 18 9 9 0 0 1 0-18z',
};
