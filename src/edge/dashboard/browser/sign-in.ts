/** The form that asks for a key, where there is no session or one that may not do enough. */
import type { MetricStreamError } from '../../../model/errors.ts';
import { html, setText } from './element.ts';
import type { View } from './services.ts';

/**
 * @param signIn exchanges the key; rejects with MetricStreamError.
 * @param message what went wrong before, or nothing.
 */
export function signInView(signIn: (key: string) => Promise<void>, message: string): View {
  const input = html('input', {
    id: 'key',
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    required: '',
    'aria-describedby': 'key-help key-problem',
  });
  const problem = html('p', { id: 'key-problem', class: 'problem', role: 'alert' }, message);
  const button = html('button', { class: 'button is-primary', type: 'submit' }, 'Sign in');
  const form = html(
    'form',
    { class: 'sign-in' },
    html('h1', { tabindex: '-1' }, 'Sign in'),
    html('label', { for: 'key' }, 'Key'),
    input,
    html(
      'p',
      { id: 'key-help', class: 'help' },
      'The server prints a link with a key when it starts. In keys.json in its data directory, "read" may look, and "admin" may also change rules, silences and channels.',
    ),
    problem,
    button,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    button.disabled = true;
    setText(problem, '');
    signIn(input.value.trim())
      .catch((failure: MetricStreamError) => {
        setText(problem, failure.code === 'unauthorized' ? 'This key is not valid.' : failure.message);
        input.select();
      })
      .finally(() => {
        button.disabled = false;
      });
  });
  return { title: 'Sign in', element: form, stop: () => {} };
}
