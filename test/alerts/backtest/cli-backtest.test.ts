/** `rules backtest` against a server that answers as the real one does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backtestCommand } from '../../../src/runtimes/cli-backtest.ts';

const REPORT = {
  from_ms: Date.UTC(2026, 9, 20),
  to_ms: Date.UTC(2026, 9, 27),
  firings: 5,
  flaps: 1,
  pages: 3,
  rules: [
    { rule: 'builtin/HighCpu', firings: 4, flaps: 1, pages: 1 },
    { rule: 'web/SlowAnswers', firings: 1, flaps: 0, pages: 2 },
    { rule: 'builtin/HostSilent', firings: 0, flaps: 0, pages: 0 },
  ],
  notes: ['Every minute is judged as complete.'],
  transition_count: 0,
  transitions: [],
};

interface Asked {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly file: string; readonly from: number; readonly to: number };
}

let directory: string;
let server: Server;
let url: string;
let asked: Asked[];
let answer: { status: number; body: string };

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'backtest-'));
  writeFileSync(join(directory, 'rules.yaml'), 'groups: []\n');
  asked = [];
  answer = { status: 200, body: JSON.stringify(REPORT) };
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      asked.push({ path: request.url, headers: request.headers, body: JSON.parse(Buffer.concat(parts).toString()) });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  rmSync(directory, { recursive: true });
});

interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

async function run(...flags: string[]): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const command = backtestCommand()
    .exitOverride()
    .configureOutput({ writeOut: (text) => out.push(text), writeErr: (text) => err.push(text) });
  const before = process.exitCode;
  try {
    await command.parseAsync([join(directory, 'rules.yaml'), '--data-dir', directory, ...flags], { from: 'user' });
    return ran(out, err, Number(process.exitCode ?? 0));
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return ran(out, err, error.exitCode);
  } finally {
    process.exitCode = before;
  }
}

function ran(out: readonly string[], err: readonly string[], code: number): Ran {
  return { out: out.join(''), err: err.join(''), code };
}

const toServer = (...flags: string[]): Promise<Ran> => run('--url', url, '--key', 'k', ...flags);

describe('rules backtest', () => {
  test('prints rules by their pages, then all, how many did not fire, and the notes', async () => {
    const { out, err, code } = await toServer();
    expect(code).toBe(0);
    expect(err).toBe('');
    expect(out.split('\n')).toEqual([
      '2026-10-20T00:00:00.000Z to 2026-10-27T00:00:00.000Z',
      '',
      'rule             firings    flaps    pages',
      'web/SlowAnswers        1        0        2',
      'builtin/HighCpu        4        1        1',
      'all                    5        1        3',
      '',
      '1 rule did not fire.',
      '',
      '- Every minute is judged as complete.',
      '',
    ]);
  });

  test('asks with the text of the file, the times and the key', async () => {
    await toServer('--from', '2026-10-20T02:00:00+02:00', '--to', '1793059200000');
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      path: '/api/v1/rules/backtest',
      headers: { authorization: 'Bearer k', 'content-type': 'application/json' },
      body: { file: 'groups: []\n', from: Date.UTC(2026, 9, 20), to: 1_793_059_200_000 },
    });
  });

  test('takes times as how long ago; left out, the last seven days', async () => {
    const beforeMs = Date.now();
    await toServer('--from', '-36h', '--to', '-90m');
    await toServer();
    const [first, second] = asked.map(({ body }) => body);
    expect((first?.to ?? 0) - (first?.from ?? 0)).toBe(34.5 * 3_600_000);
    expect(second?.to).toBeGreaterThanOrEqual(beforeMs);
    expect((second?.to ?? 0) - (second?.from ?? 0)).toBe(7 * 86_400_000);
  });

  test('finds the server and a key that may read in the data directory', async () => {
    writeFileSync(join(directory, 'keys.json'), JSON.stringify({ url, ingest: 'i', read: 'r', admin: 'a' }));
    expect((await run()).code).toBe(0);
    expect(asked[0]?.headers.authorization).toBe('Bearer r');
  });

  test('exits with 1 when there are more pages than the budget, and prints the report all the same', async () => {
    const over = await toServer('--max-pages', '2');
    expect(over.code).toBe(1);
    expect(over.err).toBe('error: 3 pages, and at most 2 are allowed\n');
    expect(over.out).toContain('web/SlowAnswers');
    expect((await toServer('--max-pages', '3')).code).toBe(0);
  });

  test('gives the report as it came, as JSON', async () => {
    const { out, code } = await toServer('--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(REPORT);
  });

  test('exits with 2 and names file, line and reason where the rules have problems', async () => {
    const problems = [
      { line: 4, path: 'groups[0].rules[0].expr', message: 'unknown name \u001b[31mcpuu' },
      { line: 0, path: '', message: 'choose a shorter time' },
    ];
    answer = { status: 422, body: JSON.stringify({ code: 'invalid_body', detail: 'line 4', problems }) };
    const { err, out, code } = await toServer();
    expect(code).toBe(2);
    expect(out).toBe('');
    const file = join(directory, 'rules.yaml');
    expect(err).toContain(`${file}:4: groups[0].rules[0].expr: unknown name  [31mcpuu\n`);
    expect(err).toContain(`${file}: choose a shorter time\n`);
  });

  test('exits with 2 where there is no report for another reason', async () => {
    answer = { status: 503, body: JSON.stringify({ detail: 'Too many backtests run at once.' }) };
    expect(await toServer()).toMatchObject({ code: 2, err: 'error: Too many backtests run at once.\n' });
    answer = { status: 200, body: '{}' };
    expect(await toServer()).toMatchObject({ code: 2, err: expect.stringContaining('it answers no report') });
    answer = { status: 502, body: '<html>' };
    expect((await toServer()).code).toBe(2);
    expect((await run()).code).toBe(2);
    expect((await toServer('--from', 'yesterday')).code).toBe(2);
    expect((await toServer('--to', '-7')).code).toBe(2);
    expect((await toServer('--max-pages', 'few')).code).toBe(2);
    rmSync(join(directory, 'rules.yaml'));
    expect(await toServer()).toMatchObject({ code: 2, err: expect.stringContaining('cannot be read') });
  });
});
