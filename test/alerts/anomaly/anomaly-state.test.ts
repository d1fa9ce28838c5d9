/** The anomaly model as bytes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnomalyModel } from '../../../src/alerts/anomaly.ts';
import { HourTable, hourName, hourOfWeek } from '../../../src/alerts/anomaly-state.ts';
import { HOUR_MS, MINUTE_MS } from '../../../src/model/window.ts';
import { ByteReader, ByteWriter } from '../../../src/protocols/bytes.ts';
import { daily, minuteMs, normal, seeded, WEEK_MINUTES } from './series.ts';

function bytesOf(model: AnomalyModel): Uint8Array {
  const writer = new ByteWriter(64);
  model.encode(writer);
  return writer.copy();
}

function learnt(minutes: number, seed = 3): AnomalyModel {
  const model = new AnomalyModel();
  const chance = seeded(seed);
  for (let minute = 0; minute < minutes; minute++) {
    model.learn(1e10 + 3e9 * daily(minuteMs(minute)) + 1e8 * normal(chance), minuteMs(minute));
  }
  return model;
}

describe('the bytes of a model', () => {
  test('are at most 1,595, and few while it is young', () => {
    expect(bytesOf(new AnomalyModel()).length).toBeLessThan(100);
    expect(bytesOf(learnt(60)).length).toBeLessThan(120);
    expect(bytesOf(learnt(24 * 60)).length).toBeLessThanOrEqual(297);
    expect(bytesOf(learnt(2 * WEEK_MINUTES)).length).toBeLessThanOrEqual(1_595);
  });

  test('give back a model that scores and learns as the first would have, from any minute on', () => {
    const values = fc.array(fc.double({ min: -1e12, max: 1e12, noNaN: true }), { minLength: 50, maxLength: 50 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: WEEK_MINUTES + 600 }), values, (minutes, next) => {
        const first = learnt(minutes);
        const second = AnomalyModel.decode(new ByteReader(bytesOf(first)));
        expect(bytesOf(second)).toEqual(bytesOf(first));
        next.forEach((value, i) => {
          const atMs = minuteMs(minutes + 7 * i);
          expect(second.score(value, atMs)).toEqual(first.score(value, atMs));
          first.learn(value, atMs);
          second.learn(value, atMs);
        });
        expect(bytesOf(second)).toEqual(bytesOf(first));
      }),
      { numRuns: 20 },
    );
  });

  test('are the same whenever the same values are learnt', () => {
    expect(bytesOf(learnt(3_000))).toEqual(bytesOf(learnt(3_000)));
    expect(bytesOf(learnt(3_000))).not.toEqual(bytesOf(learnt(3_000, 4)));
  });

  test('say no more and no less than a model: what follows is left', () => {
    const bytes = bytesOf(learnt(500));
    const reader = new ByteReader(Uint8Array.of(...bytes, 7));
    AnomalyModel.decode(reader);
    expect(reader.remaining).toBe(1);
  });

  test('that are cut off, damaged or newer are refused with a catalogued error, and no others', () => {
    const good = bytesOf(learnt(2_000));
    expect(() => AnomalyModel.decode(new ByteReader(Uint8Array.of(2, ...good.slice(1))))).toThrow(
      expect.objectContaining({ code: 'schema_newer' }),
    );
    for (let length = 0; length < good.length; length += 13) {
      expect(() => AnomalyModel.decode(new ByteReader(good.slice(0, length)))).toThrow(
        expect.objectContaining({ code: 'corrupt_data' }),
      );
    }
    const damage = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 8 }), (changes) => {
        const bad = good.slice();
        for (const [place, byte] of changes) bad[place] = byte;
        try {
          const model = AnomalyModel.decode(new ByteReader(bad));
          const score = model.score(1e10, minuteMs(2_000))?.score ?? 0;
          expect(Number.isFinite(score)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(corrupt_data|schema_newer)$/) });
        }
      }),
    );
  });
});

describe('hours of the week', () => {
  test('are named by weekday and hour in UTC', () => {
    expect(hourName(hourOfWeek(Date.UTC(2026, 9, 27, 14, 59)))).toBe('Tuesdays 14:00 UTC');
    expect(hourName(hourOfWeek(Date.UTC(2026, 9, 25, 0, 0)))).toBe('Sundays 00:00 UTC');
    expect(hourName(hourOfWeek(-1))).toBe('Wednesdays 23:00 UTC');
  });

  test('are kept apart, whichever comes first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(167), { minLength: 1, maxLength: 60 }), (hours) => {
        const table = new HourTable();
        for (const hour of hours) table.learn(hour, hour, hour / 2);
        for (let hour = 0; hour < 168; hour++) {
          const times = hours.filter((one) => one === hour).length;
          expect(table.count(hour)).toBe(times);
          if (times > 0) expect([table.center(hour), table.spread(hour)]).toEqual([hour, hour / 2]);
        }
      }),
    );
  });

  test('a step of an hour is another hour, and a week later it is the same', () => {
    const atMs = Date.UTC(2026, 9, 27, 14, 30);
    expect(hourOfWeek(atMs + HOUR_MS)).toBe(hourOfWeek(atMs) + 1);
    expect(hourOfWeek(atMs + WEEK_MINUTES * MINUTE_MS)).toBe(hourOfWeek(atMs));
  });
});
