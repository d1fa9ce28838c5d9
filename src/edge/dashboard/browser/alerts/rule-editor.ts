/** A plain text field with line numbers, and marks at the lines that have a problem. */
import type { Problem } from '../../alerts/answers.ts';
import { lineCount, lineSpan } from '../../alerts/rule-draft.ts';
import { html } from '../element.ts';

export interface RuleEditor {
  readonly element: HTMLElement;
  text(): string;
  setText(text: string): void;
  showProblems(problems: readonly Problem[]): void;
}

/** @param changed called after each change that a person makes. */
export function ruleEditor(changed: () => void): RuleEditor {
  const area = html('textarea', {
    class: 'code-text',
    spellcheck: 'false',
    autocapitalize: 'off',
    autocomplete: 'off',
    wrap: 'off',
    'aria-label': 'Rule file, YAML',
    'aria-describedby': 'rule-problems',
  });
  const gutter = html('div', { class: 'code-lines', 'aria-hidden': 'true' });
  const problemList = html('ul', { id: 'rule-problems', class: 'problems', 'aria-live': 'polite' });
  const code = html('div', { class: 'code' }, gutter, area);
  const element = html('div', { class: 'rule-editor' }, code, problemList);
  let marked = new Set<number>();
  let drawn = '';

  const draw = (): void => {
    const count = lineCount(area.value);
    const key = `${count} ${[...marked].join()}`;
    if (key === drawn) return;
    drawn = key;
    const lines = Array.from({ length: count }, (_, index) => {
      const line = html('span', {}, String(index + 1));
      if (marked.has(index + 1)) line.dataset.problem = 'true';
      return line;
    });
    gutter.replaceChildren(...lines);
  };
  const follow = (): void => {
    gutter.scrollTop = area.scrollTop;
  };
  const goTo = (line: number): void => {
    const [from, to] = lineSpan(area.value, line);
    area.focus();
    area.setSelectionRange(from, to);
    const height = area.scrollHeight / lineCount(area.value);
    area.scrollTop = Math.max(0, (line - 4) * height);
  };
  area.addEventListener('scroll', follow);
  area.addEventListener('input', () => {
    draw();
    changed();
  });
  // Tab leaves the field, as everywhere on the page: spaces are typed.
  draw();
  return {
    element,
    text: () => area.value,
    setText(text) {
      area.value = text;
      marked = new Set();
      draw();
      follow();
    },
    showProblems(problems) {
      marked = new Set(problems.map(({ line }) => line));
      draw();
      const items = problems.map(({ line, path, message }) => {
        const place = line > 0 ? `line ${line}` : path;
        const text = [line > 0 ? path : '', message].filter((part) => part !== '').join(': ');
        const button = html('button', { type: 'button', class: 'problem-line' }, html('b', {}, place), ` ${text}`);
        button.addEventListener('click', () => goTo(Math.max(1, line)));
        return html('li', {}, button);
      });
      if (problemList.textContent !== items.map(({ textContent }) => textContent).join('')) problemList.replaceChildren(...items);
    },
  };
}
