/** The table of bad input (test/fixtures/bad-input/): one request and its right answer a row, whatever carries it. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { ErrorCode } from '../../src/model/errors.ts';

/** The file of each part of the table. */
export const BAD_INPUT_FILES = { 'of all endpoints': 'all', 'as JSON': 'json', compressed: 'compressed' } as const;
type BadInputFile = (typeof BAD_INPUT_FILES)[keyof typeof BAD_INPUT_FILES];

/** A body goes out with its Content-Length, as from most clients, or in chunks. */
export const BODY_FORMS = [
  ['with its length', true],
  ['in chunks', false],
] as const;

type Body =
  | { readonly text: string }
  /** Raw bytes. */
  | { readonly base64: string }
  | { readonly parts: readonly { readonly text: string; readonly times?: number }[] }
  | { readonly gzip: { readonly zeros: number } };

export interface BadRequest {
  readonly method: string;
  readonly path: string;
  readonly key: 'ingest' | 'read' | 'none' | 'unknown' | 'revoked' | '8KiB';
  readonly headers: Readonly<Record<string, string>>;
  /** `$NOW`, `$NOW+MS` and `$NOW-MS` stand for the time of the test, Unix ms. */
  readonly body?: Body;
}

export interface BadInput {
  readonly id: string;
  readonly title: string;
  /** Sent first, and good. */
  readonly before?: readonly BadRequest[];
  readonly request: BadRequest;
  readonly expected: {
    readonly status: number;
    readonly code?: ErrorCode;
    readonly allow?: string;
    readonly accepted?: number;
    readonly duplicate?: boolean;
    /** Of the metrics that were not kept, in their order. */
    readonly reasons?: readonly string[];
    /** That were kept; "-0" for minus zero, which JSON libraries lose. */
    readonly values?: readonly (number | '-0')[];
    /** How many pushes are kept in the end. */
    readonly stored: number;
  };
}

export function readCases(file: BadInputFile): readonly BadInput[] {
  return JSON.parse(readFileSync(new URL(`../fixtures/bad-input/${file}.json`, import.meta.url), 'utf8'));
}

/** @param nowMs what $NOW stands for. */
export function bytesOf(body: Body | undefined, nowMs: number): Uint8Array<ArrayBuffer> | undefined {
  if (body === undefined) return undefined;
  if ('base64' in body) return Uint8Array.from(Buffer.from(body.base64, 'base64'));
  if ('gzip' in body) return Uint8Array.from(gzipSync(new Uint8Array(body.gzip.zeros), { level: 9 }));
  const parts = 'text' in body ? [body] : body.parts;
  const text = parts.map((part) => part.text.repeat('times' in part ? (part.times ?? 1) : 1)).join('');
  return new TextEncoder().encode(text.replace(/\$NOW([+-]\d+)?/g, (_, offset: string) => String(nowMs + Number(offset ?? 0))));
}
