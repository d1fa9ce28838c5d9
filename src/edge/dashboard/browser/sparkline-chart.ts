/** Draws a sparkline into an SVG that stretches with its place. */
import { SPARK_HEIGHT, SPARK_WIDTH, sparkPaths } from '../sparkline.ts';
import { setAttribute, svg } from './element.ts';

export interface SparklineChart {
  readonly element: SVGSVGElement;
  show(values: readonly (number | null)[]): void;
}

/** Percent: the box is 0 to 100, so that hosts can be compared at a glance. */
const TOP = 100;

export function sparklineChart(): SparklineChart {
  const area = svg('path', { class: 'spark-area' });
  const line = svg('path', { class: 'spark-line' });
  const element = svg(
    'svg',
    { class: 'spark', viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    area,
    line,
  );
  return {
    element,
    show(values) {
      const paths = sparkPaths(values, TOP);
      setAttribute(line, 'd', paths.line);
      setAttribute(area, 'd', paths.area);
    },
  };
}
