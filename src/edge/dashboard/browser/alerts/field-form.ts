/** A form made of fields as data: what is typed into it goes through one function and one call. */
import type { Field, Made, Values } from '../../alerts/forms.ts';
import { html, setText } from '../element.ts';
import type { Services } from '../services.ts';
import type { Changed } from './alert-api.ts';
import { problemsText } from './incident-actions.ts';

export interface FieldFormOptions {
  readonly services: Services;
  /** Of the form on the page. */
  readonly id: string;
  readonly title: string;
  /** Asked again where a choice changes: other fields may belong to it. */
  readonly fields: (values: Values) => readonly Field[];
  readonly values: Values;
  readonly make: (values: Values) => Made;
  readonly send: (body: object, values: Values) => Promise<Changed<unknown>>;
  readonly done: () => void;
  readonly cancel: () => void;
}

interface Control {
  readonly field: Field;
  readonly element: HTMLElement;
  read(): string;
}

function inputOf(field: Field, value: string, changed: () => void): HTMLInputElement | HTMLSelectElement {
  if (field.kind === 'choice') {
    const select = html('select', { class: 'input' });
    for (const [option, label] of field.options ?? []) select.append(html('option', { value: option }, label));
    select.value = value;
    select.addEventListener('change', changed);
    return select;
  }
  const isSecret = field.kind === 'secret';
  const input = html('input', {
    class: 'input',
    type: isSecret ? 'password' : 'text',
    // Otherwise a browser would offer to keep it, or fill in what it kept.
    autocomplete: isSecret ? 'new-password' : 'off',
    spellcheck: 'false',
    autocapitalize: 'off',
    placeholder: field.placeholder ?? '',
    ...(field.required === true ? { required: '' } : {}),
  });
  input.value = value;
  return input;
}

/** @param form tells the fields of one form from those of another. */
function control(form: string, field: Field, value: string, changed: () => void): Control {
  const id = `${form}-${field.name}`;
  const label = html('label', { class: 'field-name', for: id }, field.label);
  const hint = html('span', { class: 'field-hint', id: `${id}-hint` }, field.hint ?? '');
  if (field.kind === 'flag') {
    const input = html('input', { type: 'checkbox', id });
    input.checked = value === 'true';
    return { field, element: html('div', { class: 'field is-flag' }, input, label), read: () => String(input.checked) };
  }
  const input = inputOf(field, value, changed);
  input.id = id;
  if (field.hint !== undefined) input.setAttribute('aria-describedby', hint.id);
  const isOptional = field.kind !== 'choice' && field.required !== true;
  const optional = isOptional ? [html('span', { class: 'field-optional' }, 'optional')] : [];
  const element = html('div', { class: 'field' }, html('div', {}, label, ...optional), input, hint);
  return { field, element, read: () => input.value };
}

export function fieldForm(options: FieldFormOptions): HTMLElement {
  const { services, id, title, fields, make, send, done, cancel } = options;
  let controls: readonly Control[] = [];
  let typed: Values = options.values;
  const place = html('div', { class: 'fields' });
  const problem = html('p', { class: 'problem', role: 'alert' });
  const submit = html('button', { class: 'button is-primary', type: 'submit' }, 'Save');
  const close = html('button', { class: 'button', type: 'button' }, 'Cancel');
  const buttons = html('div', { class: 'form-actions' }, submit, close);
  const element = html('form', { class: 'field-form', 'aria-label': title }, html('h3', {}, title), place, problem, buttons);
  const read = (): Values => {
    typed = { ...typed, ...Object.fromEntries(controls.map(({ field, read: one }) => [field.name, one()])) };
    return typed;
  };
  const draw = (): void => {
    const values = read();
    controls = fields(values).map((field) => control(id, field, values[field.name] ?? '', draw));
    place.replaceChildren(...controls.map((one) => one.element));
  };
  draw();
  close.addEventListener('click', cancel);
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    const values = read();
    const made = make(values);
    setText(problem, made.ok ? '' : made.message);
    if (!made.ok) return;
    submit.disabled = true;
    send(made.body, values)
      .then((answer) => {
        if (answer.kind === 'done') done();
        else if (answer.kind === 'invalid') setText(problem, problemsText(answer.problems));
        else
          setText(
            problem,
            answer.version === 0 ? 'Someone removed it meanwhile.' : 'Someone changed it, or took this name, meanwhile.',
          );
      }, services.report)
      .finally(() => {
        submit.disabled = false;
      });
  });
  return element;
}
