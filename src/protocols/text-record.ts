/** Records as text and back, for a way that carries no bytes: Upstash's REST API of Kafka. */

import { base64Of, bytesOfBase64 } from './base64.ts';

/*
 * A part of a record (its key, its value, the value of a header) that is UTF-8 goes as it is. Any other goes as base64 (RFC 4648, padded),
 * and one more header, behind all others, names those parts; a record without such parts has no such header.
 *
 * metricstream-base64 = [ part *( "," part ) ]
 * part                = "key" | "value" | place of a header, from 0
 *
 * A text with U+FFFD in it goes as base64, too: where a reader of text meets one, bytes were lost on the way.
 * Kafka keeps what was sent: the text of one that came over REST, and whoever reads it undoes that, over REST and over TCP alike; the bytes of one
 * that came over TCP, and the gateway makes them text, mark and all, for whoever reads it over REST.
 */

export interface BytesParts {
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array;
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
}

export interface TextParts {
  readonly key: string | undefined;
  readonly value: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** The header of a record in which something is base64. */
export const TEXT_MARK = 'metricstream-base64';
const REPLACEMENT = '\uFFFD';
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LENIENT = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

export function textParts({ key, value, headers }: BytesParts): TextParts {
  const encoded: string[] = [];
  const text = (bytes: Uint8Array, part: string): string => {
    const plain = plainText(bytes);
    if (plain !== undefined) return plain;
    encoded.push(part);
    return base64Of(bytes);
  };
  const parts = {
    key: key === undefined ? undefined : text(key, 'key'),
    value: text(value, 'value'),
    headers: headers.map(([name, bytes], place) => [name, text(bytes, String(place))] as const),
  };
  // One that has the mark already would be taken for another.
  const isMarked = encoded.length > 0 || headers.at(-1)?.[0] === TEXT_MARK;
  return isMarked ? { ...parts, headers: [...parts.headers, [TEXT_MARK, encoded.join(',')]] } : parts;
}

/** A stored record as it is told over REST: one that came over REST is its own text. */
export function storedText(parts: BytesParts): TextParts {
  if (parts.headers.at(-1)?.[0] !== TEXT_MARK) return textParts(parts);
  return {
    key: parts.key === undefined ? undefined : LENIENT.decode(parts.key),
    value: LENIENT.decode(parts.value),
    headers: parts.headers.map(([name, bytes]) => [name, LENIENT.decode(bytes)] as const),
  };
}

/** What `textParts` was given; a record that was never text comes back as it is. */
export function bytesParts(parts: BytesParts): BytesParts {
  const last = parts.headers.at(-1);
  if (last?.[0] !== TEXT_MARK) return parts;
  const encoded = new Set(String.fromCharCode(...last[1]).split(','));
  const bytes = (text: Uint8Array, part: string): Uint8Array => (encoded.has(part) ? fromBase64(text) : text);
  return {
    key: parts.key === undefined ? undefined : bytes(parts.key, 'key'),
    value: bytes(parts.value, 'value'),
    headers: parts.headers.slice(0, -1).map(([name, text], place) => [name, bytes(text, String(place))] as const),
  };
}

/** @returns undefined where bytes were lost when the value was made text. */
export function bytesOfText({ value, headers }: Pick<TextParts, 'value' | 'headers'>): Uint8Array | undefined {
  if (value.includes(REPLACEMENT)) return undefined;
  const encoded = headers.map(([name, text]) => [name, ENCODER.encode(text)] as const);
  return bytesParts({ key: undefined, value: ENCODER.encode(value), headers: encoded }).value;
}

function plainText(bytes: Uint8Array): string | undefined {
  try {
    const text = DECODER.decode(bytes);
    return text.includes(REPLACEMENT) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** What is no base64 was changed by others, and is left for whoever cannot read it. */
function fromBase64(text: Uint8Array): Uint8Array {
  try {
    return bytesOfBase64(DECODER.decode(text)) ?? text;
  } catch {
    return text;
  }
}
