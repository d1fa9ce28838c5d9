/** One kind of what a tenant sets up: its list, the form that adds one or changes one, and what removes one. */
import type { Field, Made, Values } from '../../alerts/forms.ts';
import { html, setText } from '../element.ts';
import type { Services } from '../services.ts';
import type { AlertApi, Changed, DocumentName, Documents } from './alert-api.ts';
import { fieldForm } from './field-form.ts';
import { expectDone } from './incident-actions.ts';
import { type Item, KeyedList } from './keyed-list.ts';
import { actionButton, twiceButton } from './parts.ts';

export interface DocumentSectionOptions<N extends DocumentName> {
  readonly services: Services;
  readonly name: N;
  readonly title: string;
  /** What one of it is called. */
  readonly one: string;
  readonly none: string;
  readonly row: (document: Documents[N]) => HTMLElement;
  /** Changes what a row shows as time goes on; and buttons beside those that all have. */
  readonly buttons?: (document: Documents[N]) => readonly HTMLElement[];
  readonly fields: (values: Values, document: Documents[N] | undefined) => readonly Field[];
  readonly values: (document: Documents[N] | undefined) => Values;
  readonly make: (values: Values, document: Documents[N] | undefined) => Made;
  /** Its name is chosen by who makes it. */
  readonly isNamed: boolean;
  readonly changed: () => void;
}

export interface DocumentSection<N extends DocumentName> {
  readonly element: HTMLElement;
  readonly foot: HTMLElement;
  show(documents: readonly Documents[N][]): void;
}

function sendNew(api: AlertApi, name: DocumentName, isNamed: boolean, body: object, values: Values): Promise<Changed<unknown>> {
  return isNamed ? api.put(name, (values.id ?? '').trim(), 0, body) : api.create(name, body);
}

export function documentSection<N extends DocumentName>(options: DocumentSectionOptions<N>): DocumentSection<N> {
  const { services, name, title, one, changed } = options;
  const mayChange = services.session.refusal() === undefined;
  const none = html('p', { class: 'none' }, 'Reading…');
  const place = html('div', {});
  const foot = html('div', {});
  const add = html('button', { class: 'button is-small', type: 'button' }, `Add ${one}`);
  add.hidden = !mayChange;
  const close = (): void => {
    place.replaceChildren();
    add.hidden = !mayChange;
  };
  const open = (document: Documents[N] | undefined): void => {
    const form = fieldForm({
      services,
      id: name,
      title: document === undefined ? `Add ${one}` : `Change ${one} ${options.isNamed ? document.id : ''}`.trim(),
      fields: (values) => options.fields(values, document),
      values: options.values(document),
      make: (values) => options.make(values, document),
      send: (body, values) =>
        document === undefined
          ? sendNew(services.alerts, name, options.isNamed, body, values)
          : services.alerts.put(name, document.id, document.version, body),
      done: () => {
        close();
        changed();
        add.focus();
      },
      cancel: () => {
        close();
        add.focus();
      },
    });
    place.replaceChildren(form);
    add.hidden = true;
    form.querySelector<HTMLElement>('input, select')?.focus();
  };
  add.addEventListener('click', () => open(undefined));

  const rowOf = (document: Documents[N]): Item<Documents[N]> => {
    const buttons = html('div', { class: 'row-actions' });
    if (mayChange) {
      const remove = async (): Promise<void> => {
        expectDone(await services.alerts.remove(name, document.id, document.version));
        changed();
      };
      buttons.append(
        ...(options.buttons?.(document) ?? []),
        actionButton(services, 'Change', () => open(document), 'is-small'),
        twiceButton(services, 'Remove', 'Click again', remove, 'is-small'),
      );
    }
    return { element: html('li', { class: 'row' }, options.row(document), buttons), show() {} };
  };
  // Another version is another row: what it says and what its buttons do are of that version.
  const list = new KeyedList<Documents[N]>(html('ul', { class: 'rows' }), ({ id, version }) => `${version} ${id}`, rowOf);
  const head = html('div', { class: 'panel-head' }, html('h2', {}, title), add);
  const element = html('section', { class: 'panel', 'aria-label': title }, head, place, list.element, none, foot);
  return {
    element,
    foot,
    show(documents) {
      list.set(documents);
      none.hidden = documents.length > 0;
      setText(none, options.none);
    },
  };
}
