/** The page in a real headless Chromium, in front of a real server with its agent (`npm run test:browser`). */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConsoleMessage, chromium, type Page } from 'playwright-core';
import type { KeysFile } from '../src/runtimes/data-dir.ts';
import { checkAlerts, plantAlert } from './browser-alerts.ts';
import { untilReady } from './until-ready.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** A label that would run if it ever became markup. */
const PLANTED = '<img src=x onerror="window.pwned=1">';
const WAIT_MS = 20_000;

const folder = mkdtempSync(join(tmpdir(), 'metricstream-browser-'));
const server = spawn(
  process.execPath,
  ['src/runtimes/cli.ts', 'server', '--port', '0', '--data-dir', folder, '--interval', '1s', '--client', 'this-host'],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
// From the start: one that never became ready has ended before anybody waits for it.
const ended = new Promise((resolve) => server.once('exit', resolve));
const failures: string[] = [];
try {
  const keys = await untilReady(folder, WAIT_MS);
  await plant(keys);
  await plantAlert(keys, PLANTED);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: SWITCHES });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await checkPage(page, keys);
    await checkAlerts(page, keys, { planted: PLANTED, waitMs: WAIT_MS, expect });
  } finally {
    await browser.close();
  }
} finally {
  server.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
for (const failure of failures) console.error(`page: ${failure}`);
console.log(failures.length === 0 ? 'the page works in Chromium' : `the page has ${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);

async function plant({ url, ingest }: KeysFile): Promise<void> {
  const metrics = [{ name: 'planted', value: 1, labels: { note: PLANTED } }];
  const response = await fetch(`${url}/metrics`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ingest}`, 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: 'planted-host', metrics }),
  });
  expect(response.status === 202, `the planted push was answered ${response.status}`);
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) failures.push(otherwise);
}

async function checkPage(page: Page, { url, read }: KeysFile): Promise<void> {
  // A browser calls it an error when a change is refused, which is asked for below.
  const isFault = (message: ConsoleMessage): boolean => message.type() === 'error' && !/status of (412|422)/.test(message.text());
  page.on('console', (message) => expect(!isFault(message), `console: ${message.text()}`));
  page.on('pageerror', (error) => expect(false, `error: ${error.message}`));
  await page.addInitScript("addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + e.violatedDirective))");
  await page.goto(`${url}/#key=${read}`);
  await page.getByText('this-host').first().waitFor({ timeout: WAIT_MS });
  expect(!page.url().includes(read), 'the key is still in the address');
  await page.getByText('this-host').first().click();
  await page.locator('canvas').nth(3).waitFor({ timeout: WAIT_MS });
  expect((await page.locator('canvas').count()) >= 4, 'the host has fewer than four charts');
  await page.goto(`${url}/#/host/planted-host`);
  await page.getByText(PLANTED).first().waitFor({ timeout: WAIT_MS });
  expect((await page.evaluate('window.pwned')) === undefined, 'a planted label ran');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${url}/#/`);
  await page.getByText('this-host').first().waitFor({ timeout: WAIT_MS });
  expect((await page.evaluate('document.documentElement.scrollWidth <= innerWidth')) === true, 'a phone has to scroll sideways');
}
