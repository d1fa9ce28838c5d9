/** Secrets at rest: what is sealed opens for its place and its secret, and for nothing else. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { secretBox } from '../../src/alerts/secret-box.ts';

const OLD = 'an old secret that is long enough 123';
const NEW = 'a new secret that is long enough 4567';

test('any text opens again, and no part of it stands in the box', async () => {
  const box = secretBox({ secret: NEW });
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.string(), async (text, context) => {
      const sealed = await box.seal(text, context);
      expect(await box.open(sealed, context)).toBe(text);
      expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
    }),
    { numRuns: 30 },
  );
});

test('the same text is sealed another way each time', async () => {
  const box = secretBox({ secret: NEW });
  expect(await box.seal('x', 'a')).not.toBe(await box.seal('x', 'a'));
});

test('a box of another channel, another secret, or one that was changed does not open', async () => {
  const box = secretBox({ secret: NEW });
  const sealed = await box.seal('routing-key', 'acme/pager');
  expect(await box.open(sealed, 'acme/other')).toBeUndefined();
  expect(await secretBox({ secret: OLD }).open(sealed, 'acme/pager')).toBeUndefined();
  for (let at = 0; at < sealed.length; at++) {
    const changed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`;
    const opened = await box.open(changed, 'acme/pager').catch(() => undefined);
    // The last digit of base64 holds bits that say nothing.
    if (at < sealed.length - 1) expect(opened, `at ${at}`).toBeUndefined();
  }
});

test.each(['', 'v1', 'v1..', 'v1.00000000.', 'nonsense', 'v1.00000000.AAAA', 'v1.00000000.A'])(
  'what is no box does not open: %j',
  async (text) => {
    expect(await secretBox({ secret: NEW }).open(text, 'a')).toBeUndefined();
  },
);

test('a box of a newer version is said to be one', async () => {
  await expect(secretBox({ secret: NEW }).open('v2.00000000.AAAA', 'a')).rejects.toMatchObject({ code: 'schema_newer' });
});

test('after rotation the previous secret opens what it sealed, and the box says that it is to be sealed again', async () => {
  const sealed = await secretBox({ secret: OLD }).seal('x', 'a');
  const rotated = secretBox({ secret: NEW, previousSecret: OLD });
  expect(await rotated.open(sealed, 'a')).toBe('x');
  expect(await rotated.isCurrent(sealed)).toBe(false);
  const again = await rotated.seal('x', 'a');
  expect(await rotated.isCurrent(again)).toBe(true);
  expect(await secretBox({ secret: NEW }).open(again, 'a')).toBe('x');
});
