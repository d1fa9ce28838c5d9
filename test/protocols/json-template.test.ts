/** Bodies that are read by the bytes of an earlier one mean exactly what the parser says of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetricStreamError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { Shape } from '../../src/model/series.ts';
import { decodeJsonPush, type PushContext } from '../../src/protocols/json.ts';
import { BodyTemplates } from '../../src/protocols/json-template.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { bodyOf, NOW_MS, nearMiss, PUSHES } from './json-bodies.ts';

const shapes = shapeInterner();
const UTF8 = new TextEncoder();
const OLDEST_MS = NOW_MS - 86_400_000;
const NEWEST_MS = NOW_MS + LIMITS.sampleFutureMsMax;

function contextOf(templates: BodyTemplates, hint: Shape | undefined): PushContext {
  return { shapes, templates, nowMs: NOW_MS, sampleAgeMsMax: 86_400_000, hint: () => hint, stamp: () => ({ ms: NOW_MS, ns: 0 }) };
}

/** What a body is, or why it is none, by the parser alone or with what was learnt of an earlier body. */
function outcome(body: Uint8Array, templates = new BodyTemplates(), hint?: Shape): unknown {
  try {
    return decodeJsonPush(body, contextOf(templates, hint));
  } catch (error) {
    return error instanceof MetricStreamError ? error.code : error;
  }
}

function shapeOf(body: Uint8Array): Shape {
  return decodeJsonPush(body, contextOf(new BodyTemplates(), undefined)).shape;
}

/** Templates that have met this body, as a client's second push does. */
function met(body: Uint8Array, shape: Shape): BodyTemplates {
  const templates = new BodyTemplates();
  decodeJsonPush(body, contextOf(templates, shape));
  return templates;
}

function isRead(templates: BodyTemplates, body: Uint8Array, shape: Shape): boolean {
  return templates.clientOf(body) !== undefined && templates.read(body, shape, OLDEST_MS, NEWEST_MS) !== undefined;
}

const value = (text: string): Uint8Array =>
  UTF8.encode(`{"client_id":"web-1","metrics":[{"name":"queue","value":${text},"timestamp":${NOW_MS}}]}`);
const ONE = value('1');
const SHAPE = shapeOf(ONE);
const LEARNT = met(ONE, SHAPE);

/** The numbers that a body of one metric has; undefined where the template does not read it. */
function read(body: Uint8Array) {
  return LEARNT.clientOf(body) === undefined ? undefined : LEARNT.read(body, SHAPE, OLDEST_MS, NEWEST_MS);
}

describe('a body that is like an earlier one', () => {
  test('says the same by its template as by the parser, whatever fields were changed: 5,000 bodies', () => {
    let hits = 0;
    fc.assert(
      fc.property(nearMiss, fc.constantFrom('web-1', 'db:2', 'a.b', 'é', 'a"b'), ({ known, metrics }, client) => {
        const first = bodyOf(known);
        const shape = shapeOf(first);
        const templates = met(first, shape);
        const body = bodyOf(metrics, client);
        expect(outcome(body, templates, shape)).toEqual(outcome(body));
        if (isRead(templates, body, shape)) hits += 1;
      }),
      { numRuns: 5_000 },
    );
    expect(hits).toBeGreaterThan(100);
  });

  test('says the same, whatever bytes were changed: 5,000 bodies', () => {
    const spaced = [undefined, 1, '\t'] as const;
    const bytes = fc.constantFrom(...UTF8.encode('{}[]",:\\ 0159-+.eE\n'), 0x00, 0x7f, 0xc3, 0xff);
    const edits = fc.array(fc.tuple(fc.nat(2_000), fc.nat(2), bytes), { maxLength: 2 });
    let hits = 0;
    fc.assert(
      fc.property(fc.nat(2), fc.constantFrom(...spaced), edits, (push, space, changes) => {
        const first = UTF8.encode(JSON.stringify({ client_id: 'web-1', metrics: PUSHES[push] }, undefined, space));
        const shape = shapeOf(first);
        const templates = met(first, shape);
        const text = [...first];
        for (const [at, cut, byte] of changes) text.splice(at % text.length, cut, ...(cut === 2 ? [] : [byte]));
        const body = Uint8Array.from(text);
        expect(outcome(body, templates, shape)).toEqual(outcome(body));
        if (isRead(templates, body, shape)) hits += 1;
      }),
      { numRuns: 5_000 },
    );
    expect(hits).toBeGreaterThan(250);
  });

  test('is read without the parser for another client, compact or as Python writes it', () => {
    const python = (client: string, ms: number): Uint8Array =>
      UTF8.encode(
        `{"client_id": "${client}", "metrics": [{"name": "cpu", "labels": {"value": "x"}, "timestamp": ${ms}, "value": 7.25}]}`,
      );
    const first = python('a', NOW_MS);
    const shape = shapeOf(first);
    const templates = met(first, shape);
    const body = python('another-host', NOW_MS - 5);
    expect(templates.clientOf(body)).toBe('another-host');
    expect(templates.read(body, shape, OLDEST_MS, NEWEST_MS)).toEqual({
      values: Float64Array.of(7.25),
      timesMs: Float64Array.of(NOW_MS - 5),
    });
  });
});

describe('a number', () => {
  const texts = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
    fc
      .tuple(fc.bigInt(0n, 10n ** 20n), fc.nat(20))
      .map(([digits, point]) => `${digits}`.padStart(point + 1, '0').replace(new RegExp(`(\\d{${point}})$`), '.$1')),
    fc.stringMatching(/^-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?$/),
    fc.stringMatching(/^[-+.eE0-9]{0,6}$/),
  );

  test('is to the bit what JSON.parse reads, and what is none is left to it: 20,000 texts', () => {
    let parsed = 0;
    fc.assert(
      fc.property(texts, (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          // No number, and then no body.
        }
        const got = read(value(text))?.values[0];
        const isTaken = typeof expected === 'number' && Number.isFinite(expected);
        if (isTaken) parsed += 1;
        expect(got, text).toBe(isTaken ? expected : undefined);
      }),
      { numRuns: 20_000 },
    );
    expect(parsed).toBeGreaterThan(4_000);
  });

  test.each(['-0', '-0.0', '0', '9007199254740993', '123456789012345', '0.1', '4.35', '5e-324', '1.7976931348623157e308'])(
    '%s is exact',
    (text) => {
      expect(read(value(text))?.values[0]).toBe(JSON.parse(text));
    },
  );

  test.each(['01', '1.', '.5', '+1', '-', '1e', '1e+', '', '1 1', '1.2.3', 'NaN'])('%s is none', (text) => {
    expect(read(value(text))).toBeUndefined();
  });
});

describe('a template', () => {
  const other = UTF8.encode(`{"client_id":"web-1","metrics":[{"timestamp":${NOW_MS},"name":"queue","value":1}]}`);

  test('stays while some bodies still fit it, and is made anew once none does', () => {
    const templates = met(ONE, SHAPE);
    const context = contextOf(templates, SHAPE);
    for (let i = 0; i < 3 * LIMITS.templateMissesMax; i++) for (const body of [other, ONE]) decodeJsonPush(body, context);
    expect([isRead(templates, ONE, SHAPE), isRead(templates, other, SHAPE)]).toEqual([true, false]);
    for (let i = 0; i < LIMITS.templateMissesMax; i++) decodeJsonPush(other, context);
    expect([isRead(templates, other, SHAPE), isRead(templates, ONE, SHAPE)]).toEqual([true, false]);
  });

  test.each([
    ['a second value', '{"client_id":"a","metrics":[{"name":"queue","value":1,"value":2,"timestamp":NOW}]}'],
    [
      'a key that is written with escapes',
      '{"client_id":"a","metrics":[{"name":"queue","value":1,"v\\u0061lue":2,"timestamp":NOW}]}',
    ],
    ['members behind the metrics', '{"client_id":"a","metrics":[{"name":"queue","value":1,"timestamp":NOW}],"client_id":"b"}'],
    ['members before them', '{"client_id":"a","version":2,"metrics":[{"name":"queue","value":1,"timestamp":NOW}]}'],
    ['a name with escapes', '{"client_id":"\\u0061","metrics":[{"name":"queue","value":1,"timestamp":NOW}]}'],
  ])('is not made of a body with %s', (_what, text) => {
    const body = UTF8.encode(text.replace('NOW', String(NOW_MS)));
    const shape = shapeOf(body);
    expect(isRead(met(body, shape), body, shape)).toBe(false);
  });

  test('of a client whose name another has the hash of says which of the two it was', () => {
    // 31 · "Aa" = 31 · "BB" in the hash that the names are found by.
    const templates = new BodyTemplates();
    const names = ['Aa', 'BB', 'Aa'].map((client) => templates.clientOf(bodyOf([], client)));
    expect(names).toEqual(['Aa', 'BB', 'Aa']);
  });
});
