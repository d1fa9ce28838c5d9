/** The form that asks for a read key, where there is no session. */
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
    html('label', { for: 'key' }, 'Read key'),
    input,
    html(
      'p',
      { id: 'key-help', class: 'help' },
      'The server prints a link with a key when it starts. The key also stands as "read" in keys.json in its data directory.',
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
