/** The rule file: read and changed as a whole, checked and tried without a trace. */
import { describe, expect, test } from 'vitest';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { NOW_MS } from '../harness.ts';
import { type AlertLab, alertLab, RULE_FILE, WRONG_FILE } from './alert-lab.ts';

const YAML = { 'content-type': 'text/yaml' };

async function sender(lab: AlertLab, role: 'read' | 'admin' = 'admin') {
  const key = await lab.key({ role });
  return (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    lab.send(method, path, { key, headers, ...(body === undefined ? {} : { body }) });
}

describe('the rule file', () => {
  test('of who never wrote one is empty, of version 0, and can be made under that', async () => {
    const lab = alertLab();
    const send = await sender(lab);
    const none = await send('GET', '/api/v1/rules');
    expect([none.status, none.headers.get('etag'), await none.text()]).toEqual([200, '"0"', 'groups: []\n']);
    expect((await send('PUT', '/api/v1/rules', RULE_FILE, { ...YAML, 'if-match': '"0"' })).status).toBe(200);
    expect((await send('PUT', '/api/v1/rules', RULE_FILE, { ...YAML, 'if-match': '"0"' })).status).toBe(412);
  });

  test.each(['text/yaml', 'application/yaml', 'text/yaml; charset=utf-8', 'application/json'])(
    'comes as %s, and is answered by its version',
    async (type) => {
      const lab = alertLab();
      const send = await sender(lab);
      const body = type === 'application/json' ? JSON.stringify({ file: RULE_FILE }) : RULE_FILE;
      const put = await send('PUT', '/api/v1/rules', body, { 'content-type': type });
      expect([put.status, put.headers.get('etag')]).toEqual([200, '"1"']);
      expect(await put.json()).toEqual({ version: 1, changed_ms: NOW_MS });
      expect(lab.book.changes[0]).toMatchObject({ change: { kind: 'rules', id: 'file', ifVersion: undefined }, body: RULE_FILE });
    },
  );

  test('goes out as YAML, or as JSON where that is asked for, and not to who has it', async () => {
    const lab = alertLab();
    const send = await sender(lab);
    await send('PUT', '/api/v1/rules', RULE_FILE, YAML);
    const yaml = await send('GET', '/api/v1/rules');
    expect(yaml.headers.get('content-type')).toBe('text/yaml; charset=utf-8');
    expect(await yaml.text()).toBe(RULE_FILE);
    const json = await send('GET', '/api/v1/rules', undefined, { accept: 'application/json' });
    expect(await json.json()).toEqual({ file: RULE_FILE, version: 1, changed_ms: NOW_MS });
    for (const one of [yaml, json]) expect([one.headers.get('etag'), one.headers.get('vary')]).toEqual(['"1"', 'accept']);
    expect((await send('GET', '/api/v1/rules', undefined, { 'if-none-match': '"1"' })).status).toBe(304);
  });

  test('that is wrong is refused with lines and reasons, and the old one holds', async () => {
    const lab = alertLab();
    const send = await sender(lab);
    await send('PUT', '/api/v1/rules', RULE_FILE, YAML);
    const wrong = await send('PUT', '/api/v1/rules', WRONG_FILE, YAML);
    expect([wrong.status, wrong.headers.get('content-type')]).toEqual([422, 'application/problem+json']);
    expect(await wrong.json()).toMatchObject({
      code: 'invalid_body',
      detail: 'line 3: groups: has to be a list',
      problems: [{ line: 3, path: 'groups', message: 'has to be a list' }],
    });
    expect(await (await send('GET', '/api/v1/rules')).text()).toBe(RULE_FILE);
  });

  test('may be as large as the bound, as YAML and as JSON, and no byte more', async () => {
    const lab = alertLab();
    const send = await sender(lab);
    for (const character of ['x', 'é', '\n']) {
      const size = new TextEncoder().encode(character).length;
      const most = character.repeat(ALERT_LIMITS.ruleFileBytesMax / size);
      for (const [file, status] of [
        [most, 200],
        [`${most}y`, 413],
      ] as const) {
        expect((await send('PUT', '/api/v1/rules', file, YAML)).status).toBe(status);
        expect((await send('PUT', '/api/v1/rules', JSON.stringify({ file }))).status).toBe(status);
      }
    }
  });

  test('that is no text is refused', async () => {
    const lab = alertLab();
    const key = await lab.key({ role: 'admin' });
    const body = new Uint8Array([0x67, 0xff, 0xfe]);
    const response = await lab.send('PUT', '/api/v1/rules', { key, headers: YAML, body });
    expect([response.status, lab.book.changes]).toEqual([400, []]);
  });
});

test('the rules in force are shown with all that they say', async () => {
  const send = await sender(alertLab(), 'read');
  const answer = (await (await send('GET', '/api/v1/rules/active')).json()) as { version: number; rules: unknown[] };
  expect(answer.version).toBe(3);
  expect(answer.rules[0]).toMatchObject({
    group: 'builtin',
    alert: 'HighCpu',
    clear: null,
    for_ms: 300_000,
    keep_firing_for_ms: 60_000,
    overrides: [{ match: { host: 'db-*' }, params: { threshold: 95 }, enabled: null, for_ms: null }],
  });
});

test('a check says what is wrong and changes nothing', async () => {
  const lab = alertLab();
  const send = await sender(lab, 'read');
  expect(await (await send('POST', '/api/v1/rules/check', RULE_FILE, YAML)).json()).toEqual({ valid: true, problems: [] });
  const wrong = await send('POST', '/api/v1/rules/check', JSON.stringify({ file: WRONG_FILE }));
  expect([wrong.status, await wrong.json()]).toEqual([
    200,
    { valid: false, problems: [{ line: 3, path: 'groups', message: 'has to be a list' }] },
  ]);
  expect(lab.book.changes).toEqual([]);
  for (const { fromMs, toMs } of lab.trial.trials) expect(fromMs).toBe(toMs);
});

describe('a backtest', () => {
  const asked = { file: RULE_FILE, from: NOW_MS - 600_000, to: NOW_MS };

  test('answers what would have fired and whom it would have paged', async () => {
    const lab = alertLab();
    const send = await sender(lab, 'read');
    const answer = await (await send('POST', '/api/v1/rules/backtest', JSON.stringify(asked))).json();
    expect(answer).toMatchObject({
      from_ms: asked.from,
      to_ms: asked.to,
      firings: 1,
      pages: 1,
      flaps: 0,
      notes: ['one note'],
      rules: [{ rule: 'builtin/HighCpu', firings: 1, pages: 1, flaps: 0 }],
      transition_count: 1,
      transitions: [{ id: 't1', client_id: 'secret-host', to: 'firing' }],
    });
    expect(lab.trial.trials).toEqual([{ tenant: 'acme', fromMs: asked.from, toMs: asked.to }]);
  });

  test('of a file that is wrong says where', async () => {
    const send = await sender(alertLab(), 'read');
    const wrong = await send('POST', '/api/v1/rules/backtest', JSON.stringify({ ...asked, file: WRONG_FILE }));
    expect([wrong.status, await wrong.json()]).toEqual([422, expect.objectContaining({ problems: [expect.anything()] })]);
  });

  test('of no time, or of time that runs backwards, is refused', async () => {
    const send = await sender(alertLab(), 'read');
    for (const to of [asked.from, asked.from - 1]) {
      expect((await send('POST', '/api/v1/rules/backtest', JSON.stringify({ ...asked, to }))).status).toBe(422);
    }
  });

  test('has few beside it, and gives its place back when it has ended, well or not', async () => {
    const lab = alertLab();
    const ended: ((report: readonly []) => void)[] = [];
    Object.assign(lab.trial, { backtest: () => new Promise((resolve) => ended.push(resolve)) });
    const send = await sender(lab, 'read');
    const start = () => send('POST', '/api/v1/rules/backtest', JSON.stringify(asked));
    const running = Array.from({ length: ALERT_LIMITS.backtestsConcurrentMax }, start);
    while (ended.length < running.length) await new Promise((resolve) => setTimeout(resolve, 1));
    const refused = await start();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    for (const end of ended) end([]);
    for (const response of await Promise.all(running)) expect(response.status).toBe(422);
    Object.assign(lab.trial, { backtest: () => Promise.reject(new Error('broken')) });
    for (let i = 0; i < 5; i++) expect((await start()).status).toBe(500);
  });

  test('that takes too long is 503', async () => {
    const lab = alertLab();
    let started = false;
    const backtest = () => {
      started = true;
      return new Promise(() => {});
    };
    Object.assign(lab.trial, { backtest });
    const send = await sender(lab, 'read');
    const waiting = send('POST', '/api/v1/rules/backtest', JSON.stringify(asked));
    while (!started) await new Promise((resolve) => setTimeout(resolve, 1));
    lab.clock.advance(2 * ALERT_LIMITS.backtestTimeoutMs);
    expect((await waiting).status).toBe(503);
  });
});
