/** Paths that hold a parameter. */
import fc from 'fast-check';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { honoPath, pathParameter, rowsByPath } from '../../../src/edge/path-match.ts';

const ROWS = ['/a', '/a/{id}', '/a/fixed', '/a/{id}/test', '/b.c'].map((path) => ({ path }));
const rowsAt = rowsByPath(ROWS);

test('an exact path comes before one with a parameter', () => {
  expect(rowsAt('/a/fixed')).toEqual([{ path: '/a/fixed' }]);
  expect(rowsAt('/a/other')).toEqual([{ path: '/a/{id}' }]);
  expect(rowsAt('/a/other/test')).toEqual([{ path: '/a/{id}/test' }]);
  for (const none of ['/', '/a/', '/a/x/', '/a/x/y', '/a/x/test/', '/bxc', '/x/a/y']) expect(rowsAt(none)).toBe(undefined);
});

test('a parameter is decoded; what is no text is nowhere', () => {
  expect(pathParameter('/a/{id}/test', 'http://127.0.0.1/a/one%20two/test?id=3')).toBe('one two');
  expect(pathParameter('/a/{id}', 'http://127.0.0.1/a/%2e%2F')).toBe('./');
  expect(() => pathParameter('/a/{id}', 'http://127.0.0.1/a/%E0%A4%A')).toThrow(expect.objectContaining({ code: 'not_found' }));
});

test('for any segment the router and the table agree, and the text comes back', async () => {
  const app = new Hono();
  app.get(honoPath('/a/{id}'), (context) => context.text(pathParameter('/a/{id}', context.req.url)));
  const segment = fc.string({ minLength: 1 }).filter((text) => text.isWellFormed() && text !== '.' && text !== '..');
  await fc.assert(
    fc.asyncProperty(segment, async (id) => {
      const url = new URL(`http://127.0.0.1/a/${encodeURIComponent(id)}`);
      expect(rowsAt(url.pathname)).toBeDefined();
      const response = await app.fetch(new Request(url.href));
      expect([response.status, await response.text()]).toEqual([200, id]);
    }),
  );
});
