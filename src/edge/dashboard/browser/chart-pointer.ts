/** Moves the crosshair of a chart by finger and by keyboard; uPlot itself only knows the mouse. */
import type uPlot from 'uplot';

/** @returns stops it. */
export function followPointer(plot: uPlot, place: HTMLElement): () => void {
  const over = plot.over;
  const moveTo = (clientX: number, clientY: number): void => {
    over.dispatchEvent(new MouseEvent('mouseenter', { clientX, clientY }));
    over.dispatchEvent(new MouseEvent('mousemove', { clientX, clientY }));
  };
  const leave = (): void => {
    over.dispatchEvent(new MouseEvent('mouseleave'));
  };
  const onTouch = (event: TouchEvent): void => {
    const [touch] = event.touches;
    if (touch) moveTo(touch.clientX, touch.clientY);
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (event.key === 'Escape') leave();
    if (step === 0) return;
    event.preventDefault();
    const times = plot.data[0] ?? [];
    const from = plot.cursor.idx ?? (step === 1 ? -1 : times.length);
    const time = times[Math.min(times.length - 1, Math.max(0, from + step))];
    if (time === undefined || time === null) return;
    const box = over.getBoundingClientRect();
    moveTo(box.left + plot.valToPos(time, 'x'), box.top + box.height / 2);
  };
  over.addEventListener('touchstart', onTouch, { passive: true });
  over.addEventListener('touchmove', onTouch, { passive: true });
  place.addEventListener('keydown', onKey);
  place.addEventListener('blur', leave);
  return () => {
    place.removeEventListener('keydown', onKey);
    place.removeEventListener('blur', leave);
  };
}
