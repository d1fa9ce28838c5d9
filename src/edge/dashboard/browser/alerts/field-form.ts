/** A form made of fields as data: what is typed into it goes through one function and one call. */
import type { Field, Made, Values } from '../../alerts/forms.ts';
import { html, setText } from '../element.ts';
import type { Services } from '../services.ts';
import type { Changed } from './alert-api.ts';
import { problemsText } from './incident-actions.ts';

export interface FieldFormOptions {
  readonly services: Services;
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

function choiceControl(field: Field, value: string, changed: () => void) {
  const select = html('select', { class: 'input', name: field.name });
  for (const [option, label] of field.options ?? []) select.append(html('option', { value: option }, label));
  select.value = value;
  select.addEventListener('change', changed);
  return { input: select, read: () => select.value };
}

function control(field: Field, value: string, changed: () => void): Control {
  const hint = field.hint === undefined ? [] : [html('span', { class: 'field-hint' }, field.hint)];
  if (field.kind === 'flag') {
    const input = html('input', { type: 'checkbox', name: field.name });
    input.checked = value === 'true';
    const element = html('label', { class: 'field is-flag' }, input, html('span', { class: 'field-name' }, field.label), ...hint);
    return { field, element, read: () => String(input.checked) };
  }
  if (field.kind === 'choice') {
    const { input, read } = choiceControl(field, value, changed);
    return {
      field,
      element: html('label', { class: 'field' }, html('span', { class: 'field-name' }, field.label), input, ...hint),
      read,
    };
  }
  const input = html('input', {
    class: 'input',
    name: field.name,
    // A password field without a name that browsers know: they would offer to keep it.
    type: field.kind === 'secret' ? 'password' : 'text',
    autocomplete: field.kind === 'secret' ? 'new-password' : 'off',
    spellcheck: 'false',
    autocapitalize: 'off',
    placeholder: field.placeholder ?? '',
    ...(field.required === true ? { required: '' } : {}),
  });
  input.value = value;
  const name = html('span', { class: 'field-name' }, field.label);
  if (field.required !== true) name.append(html('span', { class: 'field-optional' }, 'optional'));
  return { field, element: html('label', { class: 'field' }, name, input, ...hint), read: () => input.value };
}

export function fieldForm(options: FieldFormOptions): HTMLElement {
  const { services, title, fields, make, send, done, cancel } = options;
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
    controls = fields(values).map((field) => control(field, values[field.name] ?? '', draw));
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
