/** Overrides: which place they are for, and what they leave as it was. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { patternMatcher } from '../../../src/alerts/overrides.ts';
import { ruleOf, scopeOf } from './scope.ts';

describe('a pattern', () => {
  test.each([
    ['web-1', 'web-1', true],
    ['web-1', 'web-12', false],
    ['web-*', 'web-', true],
    ['web-*', 'db-web-1', false],
    ['*-1', 'web-1', true],
    ['w*b*1', 'web-11', true],
    ['a*a', 'a', false],
    ['ab*ba', 'aba', false],
    ['*', '', true],
    ['**', 'x', true],
    ['', '', true],
    ['', 'x', false],
    ['.*', 'x', false],
    ['[a-z]', 'a', false],
  ])('%j for %j: %j', (pattern, text, expected) => {
    expect(patternMatcher(pattern)(text)).toBe(expected);
  });

  test('means what a regular expression means in which each * is any text', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }), (pattern, text) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(text);
        expect(patternMatcher(pattern)(text)).toBe(expected);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('an override', () => {
  const rule = ruleOf({
    params: { threshold: 90, margin: 5 },
    forMs: 60_000,
    overrides: [
      { match: { host: 'db-*', mount: '/' }, params: { threshold: 70 } },
      { match: { host: 'db-*' }, enabled: false },
      { match: { environment: '*' }, forMs: 0, keepFiringForMs: 1_000, severity: 'critical' },
    ],
  });
  const at = (host: string, labels = {}, environment?: string) => rule.settingsFor(scopeOf({ host, labels, environment }));
  const own = { enabled: true, params: { threshold: 90, margin: 5 }, forMs: 60_000, keepFiringForMs: 0, severity: 'high' };

  test('counts where all of it matches, and changes only what it says', () => {
    expect(at('db-1', { mount: '/' })).toEqual({ ...own, params: { threshold: 70, margin: 5 } });
    expect(at('web-1', {}, 'production')).toEqual({ ...own, forMs: 0, keepFiringForMs: 1_000, severity: 'critical' });
  });

  test('counts only where none before it matched', () => {
    expect(at('db-1', { mount: '/home' }, 'production')).toEqual({ ...own, enabled: false });
  });

  test('does not match what a place has not', () => {
    expect(at('web-1')).toEqual(own);
    expect(at('web-1', { constructor: 'x' })).toEqual(own);
  });
});
