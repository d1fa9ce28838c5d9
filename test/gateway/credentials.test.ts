/** Who is let in, and with what. */
import { describe, expect, test } from 'vitest';
import { readCredentials } from '../../src/gateway/credentials.ts';
import { basic, CREDENTIALS, SECRETS } from './harness.ts';

const credentials = readCredentials(JSON.stringify(CREDENTIALS));
const bearer = (secret: string): string => `Bearer ${secret}`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('an Authorization header', () => {
  test('is taken as Basic with name and secret, and as Bearer with the secret', () => {
    expect(credentials.of(basic('edge'))?.name).toBe('edge');
    expect(credentials.of(bearer(SECRETS.reader))?.name).toBe('reader');
    expect(credentials.of(`bearer  ${SECRETS.reader} `)?.name).toBe('reader');
  });

  test.each([
    ['nothing', null],
    ['an empty one', ''],
    ['another scheme', `Token ${SECRETS.all}`],
    ['a wrong secret', bearer('secret-of-nobody-012')],
    ['the beginning of a secret', bearer(SECRETS.all.slice(0, -1))],
    ['a secret and more', bearer(`${SECRETS.all}x`)],
    ['the secret of another name', `Basic ${base64(`edge:${SECRETS.all}`)}`],
    ['a name alone', `Basic ${base64('all')}`],
    ['what Basic wants, as Bearer', bearer(base64(`all:${SECRETS.all}`))],
    ['what is no base64', 'Basic ####'],
    ['a very long one', bearer('x'.repeat(100_000))],
  ])("is nobody's: %s", (_, header) => {
    expect(credentials.of(header)).toBeUndefined();
  });
});

describe('a credential', () => {
  test('reaches the topics and groups that it names, or that begin as it says', () => {
    const edge = credentials.of(basic('edge'));
    expect(['raw', 'raw2', 'logs-', 'logs-app', 'log', 'other'].map((topic) => edge?.mayTopic(topic))).toEqual([
      true,
      false,
      true,
      true,
      false,
      false,
    ]);
    const reader = credentials.of(basic('reader'));
    expect([reader?.mayGroup('read-1'), reader?.mayGroup('write-1'), edge?.mayGroup('any')]).toEqual([true, false, true]);
  });

  test('has the operations that it names, and Redis only where it says so', () => {
    const operations = ['produce', 'consume', 'admin'] as const;
    expect(operations.map((one) => credentials.of(basic('edge'))?.mayKafka(one))).toEqual([true, false, false]);
    expect(operations.map((one) => credentials.of(basic('slow'))?.mayKafka(one))).toEqual([false, false, false]);
    expect([credentials.of(basic('edge'))?.redis, credentials.of(basic('slow'))?.redis]).toEqual([false, true]);
    expect(credentials.of(basic('slow'))?.mayTopic('raw')).toBe(false);
  });
});

describe('a credentials file is refused, with the place and without the secret,', () => {
  const [one] = CREDENTIALS.credentials;
  test.each([
    ['that is no JSON', '{', 'JSON'],
    ['without credentials', '{"credentials":[]}', 'credentials'],
    ['with a short secret', { credentials: [{ ...one, secret: 'short' }] }, 'credentials.0.secret'],
    ['with a field that nobody knows', { credentials: [{ ...one, topic: 'raw' }] }, 'topic'],
    [
      'with an operation that nobody knows',
      { credentials: [{ ...one, kafka: { operations: ['all'], topics: ['*'] } }] },
      'operations',
    ],
    ['with a star in the middle', { credentials: [{ ...one, kafka: { operations: ['produce'], topics: ['a*b'] } }] }, 'topics.0'],
    ['with a name twice', { credentials: [one, { ...one, secret: 'another-secret-01234' }] }, 'name'],
    ['with a secret twice', { credentials: [one, { ...one, name: 'other' }] }, 'secret'],
  ])('%s', (_, file, place) => {
    const read = (): unknown => readCredentials(typeof file === 'string' ? file : JSON.stringify(file));
    expect(read).toThrow(place);
    expect(read).not.toThrow(SECRETS.all);
  });
});
