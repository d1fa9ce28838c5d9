/** Records as text: what comes back is what was sent, over REST and over TCP, and what was lost is known. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BytesParts, bytesOfText, bytesParts, type TextParts, textParts } from '../../src/protocols/text-record.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

/** As Kafka keeps what came as text. */
const kept = ({ key, value, headers }: TextParts): BytesParts => ({
  key: key === undefined ? undefined : encode(key),
  value: encode(value),
  headers: headers.map(([name, text]) => [name, encode(text)] as const),
});
/** As the gateway gives what Kafka keeps. */
const given = ({ key, value, headers }: BytesParts): TextParts => ({
  key: key === undefined ? '' : decode(key),
  value: decode(value),
  headers: headers.map(([name, bytes]) => [name, decode(bytes)] as const),
});
const plain = ({ key, value, headers }: BytesParts): unknown => [
  key === undefined ? undefined : [...key],
  [...value],
  headers.map(([name, bytes]) => [name, [...bytes]]),
];

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'binary' }).map((text) => encode(text)),
  fc.constantFrom('\uFEFFbom', '\uFFFD', 'AQID', '', '\0').map(encode),
);
const name = fc.oneof(fc.constant('metricstream-base64'), fc.string());
const records = fc.record({
  key: fc.option(bytes, { nil: undefined }),
  value: bytes,
  headers: fc.array(fc.tuple(name, bytes), { maxLength: 3 }),
});

describe('a record as text', () => {
  test('comes back byte for byte, whoever reads it', () => {
    fc.assert(
      fc.property(records, (record) => {
        const text = textParts(record);
        expect(plain(bytesParts(kept(text)))).toEqual(plain(record));
        expect([...(bytesOfText(given(kept(text))) ?? [])]).toEqual([...record.value]);
      }),
    );
  });

  test('is what it is where it is text', () => {
    const record = { key: encode('acme/web-1'), value: encode('{"ü":1}'), headers: [['trace', encode('1')] as const] };
    expect(textParts(record)).toEqual({ key: 'acme/web-1', value: '{"ü":1}', headers: [['trace', '1']] });
  });

  test('names the parts that are base64', () => {
    const record = {
      key: Uint8Array.of(255),
      value: Uint8Array.of(1, 128),
      headers: [['a', encode('text')] as const, ['b', Uint8Array.of(254)] as const],
    };
    expect(textParts(record)).toEqual({
      key: '/w==',
      value: 'AYA=',
      headers: [
        ['a', 'text'],
        ['b', '/g=='],
        ['metricstream-base64', 'key,value,1'],
      ],
    });
  });

  test('of any length is the same again', () => {
    const value = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 7 + (i >> 8)) & 255);
    expect(bytesOfText(textParts({ key: undefined, value, headers: [] }))).toEqual(value);
  });

  test('is known to be lost where its bytes did not survive', () => {
    const never = { key: undefined, value: Uint8Array.of(1, 128, 255), headers: [] };
    expect(bytesOfText(given(never))).toBeUndefined();
  });

  test('whose base64 somebody changed is left as it is', () => {
    const headers = [['metricstream-base64', encode('value')] as const];
    expect(decode(bytesParts({ key: undefined, value: encode('*'), headers }).value)).toBe('*');
  });
});
