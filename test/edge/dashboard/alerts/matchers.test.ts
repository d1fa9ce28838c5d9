/** Matchers are read as they are written, and a silence is about one incident. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchText, parseMatch, silenceMatch } from '../../../../src/edge/dashboard/alerts/matchers.ts';

describe('matchers in one line', () => {
  it('are read as they are written', () => {
    expect(parseMatch('host=web-*, rule = HighCpu')).toEqual({ host: 'web-*', rule: 'HighCpu' });
    expect(parseMatch('mount=!/boot')).toEqual({ mount: '!/boot' });
    expect(parseMatch('datacenter=')).toEqual({ datacenter: '' });
    expect(parseMatch('  ')).toEqual({});
  });

  it.each(['host', '=a', 'host=a,,rule=b', 'host="a'])('%s is none', (text) => {
    expect(parseMatch(text)).toBeUndefined();
  });

  it('whatever is written is read back', () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,8}$/).filter((text) => text !== '__proto__');
    fc.assert(
      fc.property(fc.dictionary(name, fc.string({ maxLength: 12 }), { maxKeys: 4 }), (match) => {
        expect({ ...parseMatch(matchText(match)) }).toEqual({ ...match });
      }),
    );
  });
});

describe('the silence of an incident', () => {
  const incident = { group_labels: { rule: 'HighCpu', datacenter: 'eu' } };

  it('names its one host, so that nothing else is silenced', () => {
    const alerts = [{ client_id: 'web-1', rule: 'HighCpu' }];
    expect(silenceMatch(incident, alerts)).toEqual({ rule: 'HighCpu', datacenter: 'eu', host: 'web-1' });
  });

  it('of several hosts names what they have in common', () => {
    const alerts = ['a', 'b'].map((client_id) => ({ client_id, rule: 'HighCpu' }));
    expect(silenceMatch(incident, alerts)).toEqual({ rule: 'HighCpu', datacenter: 'eu' });
  });

  it('a name that begins with ! is not taken for its opposite', () => {
    expect(silenceMatch({ group_labels: { team: '!a' } }, [])).toEqual({ team: '*a' });
  });

  it('without anything in common there is none', () => {
    expect(silenceMatch({ group_labels: {} }, [])).toBeUndefined();
  });
});
