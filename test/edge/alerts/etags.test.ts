/** Which version a change may replace. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { etagOf, isKnown, versionAsked } from '../../../src/edge/etags.ts';

const asked = (headers: Record<string, string>, current?: number) => versionAsked(new Headers(headers), async () => current);

test('without a condition whatever is there is replaced', async () => {
  expect(await asked({}, 7)).toBe(undefined);
});

test('If-Match asks for one of its versions, weakened by a proxy or not', async () => {
  expect(await asked({ 'if-match': '"3"' })).toBe(3);
  expect(await asked({ 'if-match': 'W/"3"' })).toBe(3);
  expect(await asked({ 'if-match': '"2", "3"' }, 3)).toBe(3);
  expect(await asked({ 'if-match': '*' }, 4)).toBe(4);
  const stale = [
    [{ 'if-match': '"2", "3"' }, 4],
    [{ 'if-match': '*' }, undefined],
    [{ 'if-match': '3' }, 3],
    [{ 'if-match': '"abc"' }, 3],
    [{ 'if-match': '' }, 3],
  ] as const;
  for (const [headers, current] of stale) await expect(asked(headers, current)).rejects.toMatchObject({ code: 'stale' });
});

test('If-None-Match of a change is *: only where there is none', async () => {
  expect(await asked({ 'if-none-match': '*' }, 3)).toBe(0);
  const refused: Record<string, string>[] = [{ 'if-none-match': '"3"' }, { 'if-none-match': '*', 'if-match': '"3"' }];
  for (const headers of refused) {
    await expect(asked(headers, 3)).rejects.toMatchObject({ code: 'invalid_request' });
  }
});

test('whatever the headers are: a version, nothing, stale or invalid', async () => {
  const header = fc.oneof(fc.string({ unit: 'grapheme-ascii' }), fc.constantFrom('*', '"1"', 'W/"2"', '"1","2"', '"', '""'));
  const given = fc.record({ 'if-match': header, 'if-none-match': header }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(given, fc.option(fc.nat(9), { nil: undefined }), async (headers, current) => {
      const result = await asked(headers, current).catch((error: { code: string }) => error.code);
      expect(['undefined', 'number', 'string']).toContain(typeof result);
      if (typeof result === 'string') expect(['stale', 'invalid_request']).toContain(result);
      if (result === undefined) expect(headers).toEqual({});
    }),
  );
});

test('who has a version is not sent it again', () => {
  const known = (header: string) => isKnown(new Headers({ 'if-none-match': header }), 3);
  for (const header of [etagOf(3), 'W/"3"', '"1", "3"', '*']) expect(known(header)).toBe(true);
  for (const header of ['"4"', '3', '']) expect(known(header)).toBe(false);
  expect(isKnown(new Headers(), 3)).toBe(false);
});
