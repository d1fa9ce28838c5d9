/** Times, addresses and filters are read as they are written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chosenIncidents, historyCsvPath } from '../../../../src/edge/dashboard/alerts/history.ts';
import { exactTime, offsetText, parseSpan, spanText, stretch } from '../../../../src/edge/dashboard/alerts/times.ts';
import { historyHash, incidentHash, parseRoute } from '../../../../src/edge/dashboard/routes.ts';

describe('times', () => {
  it('are exact to the second', () => {
    expect(exactTime(new Date(2026, 10, 26, 5, 4, 9))).toBe('26 Nov 2026 05:04:09');
  });

  it('stretches are whole seconds', () => {
    expect([400, 42_400, 200_000, 0].map(stretch)).toEqual(['<1 s', '42 s', '3 min 20 s', '0 s']);
    expect([null, undefined, Number.NaN].map(stretch)).toEqual(['–', '–', '–']);
    expect([42_000, -60_000, 20].map(offsetText)).toEqual(['+42 s', '−1 min', '+0 s']);
  });

  it('a span that is written is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_000_000 }), (seconds) => parseSpan(spanText(seconds * 1_000)) === seconds * 1_000),
    );
    expect(['', 'soon', '5', '5 m', '-1h', '1h1'].map(parseSpan)).toEqual(Array(6).fill(undefined));
    expect(parseSpan('1h30m')).toBe(5_400_000);
  });
});

describe('addresses of the views', () => {
  it('an incident and a filter are read as they were written', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }), (id) => {
        fc.pre(id.isWellFormed());
        expect(parseRoute(incidentHash(id))).toEqual({ view: 'incident', id });
        const filter = { rule: `g/${id}`, host: id, range: '30d' } as const;
        expect(parseRoute(historyHash(filter))).toEqual({ view: 'history', filter });
      }),
    );
  });

  it('what cannot be read is a view all the same', () => {
    expect(parseRoute('#/history?range=ever')).toEqual({ view: 'history', filter: { rule: '', host: '', range: '7d' } });
    expect(parseRoute('#/incidents/')).toEqual({ view: 'fleet' });
    expect(parseRoute('#/alerts')).toEqual({ view: 'alerts' });
  });
});

describe('history', () => {
  it('its file is of what is looked at', () => {
    const path = historyCsvPath({ rule: 'g/R', host: 'a&b', range: '24h' }, 86_400_000 + 5);
    expect(path).toBe('/api/v1/history?format=csv&start=5&rule=g%2FR&client=a%26b');
  });

  it('only incidents in which what is asked for had a part are shown, the newest first', () => {
    const incidents = [
      { id: 'a', opened_ms: 1 },
      { id: 'b', opened_ms: 2 },
      { id: 'c', opened_ms: 3 },
    ];
    const entries = [{ incident: 'a' }, { incident: 'c' }, { incident: null }];
    expect(chosenIncidents(incidents, entries).map(({ id }) => id)).toEqual(['c', 'a']);
    expect(chosenIncidents(incidents, undefined)).toHaveLength(3);
  });
});
