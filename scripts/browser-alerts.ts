/** The views of alerts in a real Chromium: an incident from its page to its end, a rule that is tried and saved, a channel. */
import type { Page } from 'playwright-core';
import type { KeysFile } from '../src/runtimes/data-dir.ts';

interface Checks {
  /** A text that would run if it ever became markup. */
  readonly planted: string;
  readonly waitMs: number;
  readonly expect: (holds: boolean, otherwise: string) => void;
}

const RULES = `groups:
  - name: browser
    rules:
      - alert: QueueTooLong
        expr: last(queue_depth) > params.most
        for: 0
        severity: critical
        params: { most: 500 }
        annotations:
          summary: 'SUMMARY'
          runbook_url: 'javascript:window.pwned=1'
`;
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

async function send(url: string, method: string, key: string, type: string, body: string): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': type };
  const response = await fetch(url, { method, headers, body });
  if (!response.ok) throw new Error(`${method} ${url} was answered ${response.status}: ${await response.text()}`);
}

/** A rule that fires on a sample, and that sample: what people and agents write is as bad as can be. */
export async function plantAlert({ url, ingest, admin }: KeysFile, planted: string): Promise<void> {
  await send(`${url}/api/v1/rules`, 'PUT', admin, 'text/yaml', RULES.replace('SUMMARY', `${planted} is long`));
  const metrics = [{ name: 'queue_depth', value: 900, labels: { note: planted } }];
  await send(`${url}/metrics`, 'POST', ingest, 'application/json', JSON.stringify({ client_id: 'queue-host', metrics }));
}

/** @param page has a session that may only look. */
export async function checkAlerts(page: Page, keys: KeysFile, checks: Checks): Promise<void> {
  page.setDefaultTimeout(checks.waitMs);
  await page.setViewportSize(DESK);
  await checkLooking(page, keys, checks);
  await page.goto(`${keys.url}/#key=${keys.admin}`);
  await page.getByRole('link', { name: 'Alerts' }).click();
  await checkIncident(page, checks);
  await checkRules(page, keys, checks);
  await checkChannels(page, checks);
  await checkPhone(page, checks);
  checks.expect((await page.evaluate('window.pwned')) === undefined, 'a planted text of an alert ran');
}

async function checkLooking(page: Page, { url }: KeysFile, { planted, expect }: Checks): Promise<void> {
  await page.goto(`${url}/#/alerts`);
  await page.getByRole('link', { name: `${planted} is long` }).waitFor();
  await page.getByText('nobody was told').waitFor();
  await page.getByText('may look, but not change').waitFor();
  expect((await page.getByRole('button', { name: 'Acknowledge' }).count()) === 0, 'who may only look is offered to acknowledge');
  expect((await page.locator('#badge').textContent()) !== '', 'the badge does not count the open incident');
}

async function checkIncident(page: Page, { planted, expect }: Checks): Promise<void> {
  const row = page.getByRole('listitem').filter({ hasText: `${planted} is long` });
  await row.getByRole('button', { name: 'Silence' }).click();
  await row.getByRole('button', { name: '1 h' }).click();
  await page.getByText('Silenced: ').waitFor();
  await row.getByRole('button', { name: 'Acknowledge' }).click();
  await row.getByText('Acknowledged').waitFor();
  await row.getByRole('link', { name: `${planted} is long` }).click();
  await page.getByText('Condition began').waitFor();
  await page.locator('canvas').first().waitFor();
  expect((await page.locator('a[href^="javascript:"]').count()) === 0, 'a runbook that is a script is a link');
  await page.getByRole('textbox', { name: 'Note' }).fill(`Seen: ${planted}`);
  await page.getByRole('button', { name: 'Add note' }).click();
  await page.getByText(`Seen: ${planted}`).first().waitFor();
  await page.getByRole('button', { name: 'Resolve' }).click();
  await page.getByRole('button', { name: 'Click again to resolve' }).click();
  await page.locator('.line-title', { hasText: 'Resolved' }).waitFor();
  await page.getByRole('link', { name: 'History' }).click();
  await page.getByRole('rowheader', { name: 'browser/QueueTooLong' }).waitFor();
  await page.getByRole('link', { name: `${planted} is long` }).waitFor();
}

async function checkRules(page: Page, { url, admin }: KeysFile, { planted, expect }: Checks): Promise<void> {
  await page.getByRole('link', { name: 'Rules' }).click();
  const editor = page.getByRole('textbox', { name: 'Rule file' });
  const save = page.getByRole('button', { name: 'Save', exact: true });
  const change = async (from: string, to: string): Promise<void> => editor.fill((await editor.inputValue()).replace(from, to));
  const backtest = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Backtest 24 h' }).click();
    await page.getByText('Tried on the past: look').waitFor();
  };
  await page.getByText('Version 1').waitFor();
  await change('last(queue_depth)', 'lst(queue_depth)');
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await page.getByRole('button', { name: 'line 5' }).waitFor();
  await change('lst(queue_depth)', 'last(queue_depth)');
  await change('most: 500', 'most: 400');
  expect(await save.isDisabled(), 'a rule file can be saved that was not tried');
  await backtest();
  await page.getByRole('img', { name: 'browser/QueueTooLong: 1 firings' }).waitFor();
  await save.click();
  await page.getByText('Saved as version 2').waitFor();
  await change('most: 400', 'most: 300');
  await backtest();
  await send(`${url}/api/v1/rules`, 'PUT', admin, 'text/yaml', RULES.replace('SUMMARY', planted));
  await save.click();
  await page.getByText('Someone changed it meanwhile').waitFor();
  await page.getByRole('button', { name: 'Show theirs' }).click();
  await page.getByText('Version 3').waitFor();
  expect((await editor.inputValue()).includes('most: 500'), 'what somebody else saved is not shown');
}

async function checkChannels(page: Page, { expect }: Checks): Promise<void> {
  await page.getByRole('link', { name: 'Channels' }).click();
  const section = page.getByRole('region', { name: 'Channels' });
  await section.getByText('every incident is undelivered').waitFor();
  await section.getByRole('button', { name: 'Add channel' }).click();
  await section.getByLabel('Type').selectOption('webhook');
  await section.getByLabel('Name').fill('hook');
  await section.getByLabel('URL', { exact: true }).fill('http://127.0.0.1/');
  await section.getByLabel('Signing secret').fill(`whsec_${btoa('0123456789abcdef0123456789abcdef')}`);
  await section.getByRole('button', { name: 'Save' }).click();
  // Plain http to this machine is refused, in the words of the server, and what was typed stays.
  await section.getByRole('alert').filter({ hasText: 'url' }).waitFor();
  expect((await section.getByLabel('Name').inputValue()) === 'hook', 'a form that was refused forgets what was typed');
  await section.getByLabel('URL', { exact: true }).fill('https://hook.invalid/');
  await section.getByRole('button', { name: 'Save' }).click();
  await section.getByRole('button', { name: 'Test', exact: true }).click();
  await section.getByText('failed').waitFor();
  await page.getByRole('region', { name: 'Silences' }).getByText('rule=QueueTooLong').waitFor();
  await section.getByRole('button', { name: 'Remove' }).click();
  await section.getByRole('button', { name: 'Click again' }).click();
  await section.getByText('every incident is undelivered').waitFor();
}

async function checkPhone(page: Page, { expect }: Checks): Promise<void> {
  await page.setViewportSize(PHONE);
  for (const name of ['Alerts', 'History', 'Rules', 'Channels']) {
    await page.getByRole('link', { name }).first().click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
    const fits = await page.evaluate('document.documentElement.scrollWidth <= innerWidth');
    expect(fits === true, `${name} has to be scrolled sideways on a phone`);
  }
}
