/** How flags are read. */
import { describe, expect, test } from 'vitest';
import { addPairs } from '../../src/runtimes/flags.ts';

describe('pairs', () => {
  test.each([
    ['rack=r7', {}, { rack: 'r7' }],
    ['rack=r7', { team: 'web' }, { team: 'web', rack: 'r7' }],
    ['rack=r8', { rack: 'r7' }, { rack: 'r8' }],
    ['rack=', {}, { rack: '' }],
    ['query=a=b', {}, { query: 'a=b' }],
    ['rack=r7,team=web', {}, { rack: 'r7', team: 'web' }],
    ['note=one, two,team=web', {}, { note: 'one, two', team: 'web' }],
  ])('%s after %o are %o', (text, before, expected) => {
    expect(addPairs(text, before)).toEqual(expected);
  });

  test.each(['', 'rack', '=r7', ',rack=r7'])('%j is refused', (text) => {
    expect(() => addPairs(text, {})).toThrow('write key=value');
  });
});
