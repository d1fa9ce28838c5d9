/** The small things that all views of alerts are made of: signs, times, and buttons that ask twice. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import type { Tone, Words } from '../../alerts/delivery.ts';
import { SHAPE_PATHS, severityLevel, severityLook } from '../../alerts/severity.ts';
import { exactTime } from '../../alerts/times.ts';
import { formatAge } from '../../relative-time.ts';
import { html, setAttribute, setText, svg } from '../element.ts';
import type { Services } from '../services.ts';

/** Shape and colour. @param quiet its word stands beside it. */
export function severityMark(severity: string, quiet = false): SVGSVGElement {
  const { shape, sign } = severityLook(severity);
  const text = svg('text', { x: '10', y: shape === 'triangle' ? '15.6' : '14.2', 'text-anchor': 'middle' }, sign);
  return svg(
    'svg',
    {
      class: 'mark',
      viewBox: '0 0 20 20',
      'data-severity': severityLevel(severity),
      ...(quiet ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': severity }),
    },
    svg('title', {}, severity),
    svg('path', { d: SHAPE_PATHS[shape] }),
    text,
  );
}

/** A word with its tone, and a sentence for who hovers. */
export function wordChip() {
  const element = html('span', { class: 'word' });
  return {
    element,
    show({ text, explanation, tone }: Words) {
      setText(element, text);
      setAttribute(element, 'data-tone', tone);
      setAttribute(element, 'title', explanation);
    },
  };
}

export function toneChip(text: string, tone: Tone): HTMLElement {
  return html('span', { class: 'word', 'data-tone': tone }, text);
}

/** How long ago, and when exactly for who hovers. */
export function ageText(before = '') {
  const element = html('time', {});
  return {
    element,
    show(atMs: number, nowMs: number) {
      setText(element, `${before}${formatAge(nowMs - atMs)}`);
      setAttribute(element, 'title', exactTime(new Date(atMs)));
      setAttribute(element, 'datetime', new Date(atMs).toISOString());
    },
  };
}

type Run = () => Promise<void> | void;

/** Runs what a button is for, once at a time. @param mayRun whether it is on afterwards. */
function runOnce(services: Services, button: HTMLButtonElement, run: Run, mayRun: () => boolean = () => true): void {
  button.disabled = true;
  Promise.resolve()
    .then(run)
    .catch(services.report)
    .finally(() => {
      button.disabled = !mayRun();
    });
}

export function actionButton(services: Services, label: string, run: Run, look = '', mayRun?: () => boolean): HTMLButtonElement {
  const button = html('button', { class: `button ${look}`.trim(), type: 'button' }, label);
  button.addEventListener('click', () => runOnce(services, button, run, mayRun));
  return button;
}

/** For what cannot be taken back: the second click does it. */
export function twiceButton(services: Services, label: string, again: string, run: Run, look = ''): HTMLButtonElement {
  const button = html('button', { class: `button ${look}`.trim(), type: 'button' }, label);
  let asked = false;
  let keep = (): void => {};
  const settle = (): void => {
    asked = false;
    keep();
    setText(button, label);
    button.removeAttribute('data-asked');
  };
  button.addEventListener('blur', settle);
  button.addEventListener('click', () => {
    if (asked) {
      settle();
      runOnce(services, button, run);
      return;
    }
    asked = true;
    setText(button, again);
    button.dataset.asked = 'true';
    keep = services.after(ALERT_LIMITS.pageAskAgainMs, settle);
  });
  return button;
}

/** A button that opens a few choices: the second click is one of them. Escape and a click elsewhere close it. */
export function choiceButton(
  services: Services,
  label: string,
  /** Asked when it is opened: what the choice is about. */
  headOf: () => string,
  choices: readonly (readonly [label: string, run: Run])[],
  look = '',
): HTMLElement {
  const button = html('button', { class: `button ${look}`.trim(), type: 'button', 'aria-expanded': 'false' }, label);
  const head = html('p', { class: 'choices-head' });
  const list = html('div', { class: 'choices', role: 'group' });
  const element = html('div', { class: 'choice' }, button, list);
  list.hidden = true;
  const show = (open: boolean): void => {
    list.hidden = !open;
    if (open) setText(head, headOf());
    setAttribute(list, 'aria-label', `${label} ${head.textContent ?? ''}`);
    button.setAttribute('aria-expanded', String(open));
  };
  const items = choices.map(([text, run]) => {
    const item = html('button', { class: 'button is-small', type: 'button' }, text);
    item.addEventListener('click', () => {
      show(false);
      button.focus();
      runOnce(services, button, run);
    });
    return item;
  });
  list.append(head, html('div', { class: 'choices-row' }, ...items));
  button.addEventListener('click', () => {
    show(list.hidden !== false);
    if (!list.hidden) items[0]?.focus();
  });
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || list.hidden) return;
    show(false);
    button.focus();
  });
  element.addEventListener('focusout', (event) => {
    if (!(event.relatedTarget instanceof Node && element.contains(event.relatedTarget))) show(false);
  });
  return element;
}

/** One line where nothing may be changed, with the way to change that; nothing where it may. */
export function refusalNote(services: Services): readonly HTMLElement[] {
  const refusal = services.session.refusal();
  if (refusal === undefined) return [];
  const button = html('button', { class: 'button is-small', type: 'button' }, 'Use an admin key');
  button.addEventListener('click', services.askForKey);
  return [html('p', { class: 'refusal' }, html('span', {}, refusal), button)];
}

export function viewHead(title: string, ...more: HTMLElement[]): HTMLElement {
  return html('div', { class: 'view-head' }, html('h1', { tabindex: '-1' }, title), ...more);
}
