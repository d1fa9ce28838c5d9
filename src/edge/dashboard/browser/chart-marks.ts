/** Lines that no series draws: a threshold across a chart, and times at which something happened. */
import type uPlot from 'uplot';
import type { Theme } from './theme.ts';

export interface ChartMarks {
  readonly levels: readonly { readonly value: number; readonly label: string }[];
  /** Unix ms, ascending. `strong`: where it all began. */
  readonly times: readonly { readonly atMs: number; readonly label: string; readonly strong: boolean }[];
}

const PAD = 4;

/** In the canvas' own pixels: a text on a phone would be a third of its size otherwise. */
export function drawMarks(u: uPlot, { levels, times }: ChartMarks, theme: Theme): void {
  if (levels.length === 0 && times.length === 0) return;
  const { ctx, bbox } = u;
  const { bad, faint, font } = theme.palette();
  const scale = devicePixelRatio || 1;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11 * scale}px ${font}`;
  ctx.lineWidth = 1.4 * scale;
  for (const { value, label } of levels) {
    const y = Math.round(u.valToPos(value, 'y', true));
    line(ctx, bad, [6 * scale, 4 * scale], bbox.left, y, bbox.left + bbox.width, y);
    ctx.textAlign = 'right';
    ctx.textBaseline = y - bbox.top < 18 * scale ? 'top' : 'bottom';
    ctx.fillText(label, bbox.left + bbox.width - PAD * scale, ctx.textBaseline === 'top' ? y + PAD * scale : y - 2 * scale);
  }
  let row = 0;
  let before = Number.NEGATIVE_INFINITY;
  for (const { atMs, label, strong } of times) {
    const x = Math.round(u.valToPos(atMs, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    line(ctx, strong ? bad : faint, strong ? [] : [2 * scale, 3 * scale], x, bbox.top, x, bbox.top + bbox.height);
    const width = ctx.measureText(label).width;
    const toLeft = x + width + 2 * PAD * scale > bbox.left + bbox.width;
    // Two that are close stand one below the other.
    row = x - before < width + 4 * PAD * scale ? row + 1 : 0;
    before = x;
    ctx.textAlign = toLeft ? 'right' : 'left';
    ctx.textBaseline = 'bottom';
    ctx.fillText(label, x + (toLeft ? -PAD : PAD) * scale, bbox.top + bbox.height - (PAD + row * 14) * scale);
  }
  ctx.restore();
}

function line(
  ctx: CanvasRenderingContext2D,
  color: string,
  dash: number[],
  ...[x1, y1, x2, y2]: readonly [number, number, number, number]
): void {
  ctx.strokeStyle = color;
  ctx.fillStyle = color;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}
