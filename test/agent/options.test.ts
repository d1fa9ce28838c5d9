/** What an operator may ask of an agent, and what is refused. */
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { type AgentOptions, agentSettings, keyIn } from '../../src/agent/options.ts';

const settings = (options: Partial<AgentOptions>, hostname = 'host') =>
  agentSettings({ url: 'http://127.0.0.1:8787', clock: systemClock(), log: () => {}, ...options }, hostname);

test('the client is the hostname, made fit, unless it is given', () => {
  expect(settings({}, 'Käse_host 1.example').client).toBe('K-se_host-1.example');
  expect(settings({}, '').client).toBe('unknown');
  expect(settings({}, 'x'.repeat(200)).client).toHaveLength(128);
  expect(settings({ client: 'web-1' }).client).toBe('web-1');
});

test.each([
  ['http://127.0.0.1:8787', 'http://127.0.0.1:8787/metrics', false],
  ['http://127.0.0.1:8787/metrics', 'http://127.0.0.1:8787/metrics', false],
  ['https://m.example/stream/', 'https://m.example/stream/metrics', false],
  ['http://m.example', 'http://m.example/metrics', true],
  ['http://localhost.evil.example', 'http://localhost.evil.example/metrics', true],
  ['http://[::1]:1', 'http://[::1]:1/metrics', false],
])('%s is pushed to at %s (in clear to another host: %s)', (url, receiver, isInClear) => {
  expect(settings({ url })).toMatchObject({ url: receiver, isInClear });
});

describe('refused', () => {
  test.each<[string, Partial<AgentOptions>]>([
    ['url', { url: 'ftp://a' }],
    ['url', { url: 'not a url' }],
    ['url', { url: 'http://user:pass@a' }],
    ['client', { client: 'a/b' }],
    ['intervalMs', { intervalMs: 999 }],
    ['intervalMs', { intervalMs: 2 ** 31 }],
    ['intervalMs', { intervalMs: Number.NaN }],
    ['spoolMs', { spoolMs: 86_400_001 }],
    ['spoolBytesMax', { spoolBytesMax: 64 * 1_048_576 + 1 }],
    ['label', { labels: { host: 'x' } }],
    ['label', { labels: { 'a b': 'x' } }],
    ['label', { labels: { a: '' } }],
    ['labels', { labels: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`l${i}`, 'x'])) }],
    ['datacenter', { datacenter: 'a\r\nb' }],
    ['environment', { environment: '' }],
  ])('%s: %o', (name, options) => {
    expect(() => settings(options)).toThrow(name);
  });
});

describe('keyIn', () => {
  test('is the bare key or the ingest key of a JSON', () => {
    expect(keyIn(' ms_abc\n')).toBe('ms_abc');
    expect(keyIn('{"ingest":"ms_abc","read":"x"}')).toBe('ms_abc');
  });

  test.each(['', 'two words', '{"read":"secret"}', '{"ingest":"secret"', 'a\u0000b'])('%j is refused, and not quoted', (text) => {
    expect(() => keyIn(text)).toThrow('key is missing or holds blanks.');
  });
});
