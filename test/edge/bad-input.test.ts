/** Bad input, case by case: what it is answered, and that nothing of it is kept. */
import { describe, expect, test } from 'vitest';
import { createKey } from '../../src/edge/keys.ts';
import { ERRORS } from '../../src/model/errors.ts';
import { BAD_INPUT_FILES, type BadRequest, BODY_FORMS, bytesOf, readCases } from './bad-input-cases.ts';
import { createEdge, type Edge, NOW_MS, SECRET } from './harness.ts';

async function keyOf(edge: Edge, which: BadRequest['key']): Promise<string | undefined> {
  if (which === 'none') return undefined;
  if (which === '8KiB') return 'k'.repeat(8192);
  if (which === 'unknown')
    return (await createKey('a secret that this server has never heard of', { tenant: 'acme', role: 'admin' }, NOW_MS)).key;
  const { key, keyId } = await createKey(SECRET, { tenant: 'acme', role: which === 'read' ? 'read' : 'ingest' }, NOW_MS);
  if (which === 'revoked') await edge.keys.revoke('acme', keyId, NOW_MS);
  return key;
}

/** @param declared with a Content-Length, as most clients; else in chunks. */
async function send(edge: Edge, { method, path, key, headers, body }: BadRequest, declared: boolean): Promise<Response> {
  const bytes = bytesOf(body, NOW_MS);
  const length: Record<string, string> = declared && bytes !== undefined ? { 'content-length': String(bytes.length) } : {};
  return edge.send(method, path, {
    key: await keyOf(edge, key),
    headers: { ...length, ...headers },
    ...(bytes === undefined ? {} : { body: bytes }),
  });
}

describe.each(Object.entries(BAD_INPUT_FILES))('bad input %s', (_, file) => {
  describe.each(BODY_FORMS)('%s', (_form, declared) => {
    test.each(readCases(file))('$id $title', async ({ before = [], request, expected }) => {
      const edge = createEdge();
      for (const first of before) expect((await send(edge, first, declared)).status).toBe(202);
      const response = await send(edge, request, declared);
      const answer = (await response.json()) as Record<string, unknown>;
      expect({ status: response.status, code: answer.code }).toEqual({ status: expected.status, code: expected.code });
      expect(edge.appender.kept).toHaveLength(expected.stored);
      if (expected.code !== undefined) {
        expect(response.headers.get('content-type')).toBe('application/problem+json');
        expect(ERRORS[expected.code].status).toBe(response.status);
        expect(JSON.stringify(answer)).not.toMatch(/\.ts|at [A-Z]|node_modules/);
      }
      if (expected.allow !== undefined) expect(response.headers.get('allow')).toBe(expected.allow);
      if (expected.accepted !== undefined) expect(answer.accepted).toBe(expected.accepted);
      if (expected.duplicate !== undefined) expect(answer.duplicate).toBe(expected.duplicate);
      if (expected.reasons !== undefined) {
        expect((answer.errors as { code: string }[]).map(({ code }) => code)).toEqual(expected.reasons);
      }
      if (expected.values !== undefined) {
        expect([...(edge.appender.kept[0]?.push.values ?? [])]).toEqual(
          expected.values.map((value) => (value === '-0' ? -0 : value)),
        );
      }
    });
  });
});

test('the cases of the list are all here: 14 of all endpoints but those of a raw socket, 26 of JSON, 6 compressed', () => {
  const numbers = (file: 'all' | 'json' | 'compressed'): number[] => [
    ...new Set(readCases(file).map(({ id }) => Number(/\d+/.exec(id)?.[0]))),
  ];
  expect(numbers('all')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14]);
  expect(numbers('json')).toEqual(Array.from({ length: 26 }, (_, i) => i + 1));
  expect(numbers('compressed')).toEqual([1, 2, 3, 4, 5, 6, 0]);
});
