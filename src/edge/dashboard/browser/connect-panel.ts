/** How to get a host onto the page: the two commands, ready to copy. */
import { html, setText } from './element.ts';

function command(title: string, text: string, after: (delayMs: number, run: () => void) => () => void): HTMLElement {
  const head = html('div', { class: 'command-head' }, html('h3', {}, title));
  // Without TLS browsers give no clipboard, except on localhost.
  if (navigator.clipboard) {
    const button = html('button', { class: 'button is-small', type: 'button', 'aria-label': `Copy: ${title}` }, 'Copy');
    button.addEventListener('click', () => {
      const say = (word: string): void => {
        setText(button, word);
        after(1_500, () => setText(button, 'Copy'));
      };
      navigator.clipboard.writeText(text).then(
        () => say('Copied'),
        () => say('Select it'),
      );
    });
    head.append(button);
  }
  return html('div', { class: 'command' }, head, html('pre', { tabindex: '0' }, html('code', {}, text)));
}

/** @param origin of this server, as the hosts should reach it. */
export function connectPanel(
  origin: string,
  first: boolean,
  after: (delayMs: number, run: () => void) => () => void,
): HTMLElement {
  const agent = `npx metricstream agent --url ${origin} --key INGEST_KEY`;
  const push = [
    `curl ${origin}/metrics \\`,
    `  -H 'Authorization: Bearer INGEST_KEY' \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '{"client_id":"web-1","metrics":[{"name":"queue_depth","value":42}]}'`,
  ].join('\n');
  return html(
    'section',
    { class: 'connect', 'aria-labelledby': 'connect-title' },
    html('h2', { id: 'connect-title' }, first ? 'No host has reported yet' : 'Add a host'),
    html(
      'p',
      {},
      'Run the agent on it, or push a metric of your own. INGEST_KEY is "ingest" in keys.json in the data directory.',
    ),
    html(
      'div',
      { class: 'commands' },
      command('Agent: CPU, memory, disk, network', agent, after),
      command('Any metric, with curl', push, after),
    ),
  );
}
