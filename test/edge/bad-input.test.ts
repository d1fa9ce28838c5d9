/** Bad input, case by case: what it is answered, and that nothing of it is kept. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createKey } from '../../src/edge/keys.ts';
import { ERRORS, type ErrorCode } from '../../src/model/errors.ts';
import { createEdge, type Edge, NOW_MS, SECRET } from './harness.ts';

type Body =
  | { readonly text: string }
  /** Raw bytes. */
  | { readonly base64: string }
  | { readonly parts: readonly { readonly text: string; readonly times?: number }[] }
  | { readonly gzip: { readonly zeros: number } };

interface BadRequest {
  readonly method: string;
  readonly path: string;
  readonly key: 'ingest' | 'read' | 'none' | 'unknown' | 'revoked' | '8KiB';
  readonly headers: Readonly<Record<string, string>>;
  /** `$NOW`, `$NOW+MS` and `$NOW-MS` stand for the time of the test, Unix ms. */
  readonly body?: Body;
}

interface Case {
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

function readCases(file: 'all' | 'json' | 'compressed'): readonly Case[] {
  return JSON.parse(readFileSync(new URL(`../fixtures/bad-input/${file}.json`, import.meta.url), 'utf8'));
}

function bytesOf(body: Body | undefined): Uint8Array | undefined {
  if (body === undefined) return undefined;
  if ('base64' in body) return Uint8Array.from(Buffer.from(body.base64, 'base64'));
  if ('gzip' in body) return Uint8Array.from(gzipSync(new Uint8Array(body.gzip.zeros), { level: 9 }));
  const parts = 'text' in body ? [body] : body.parts;
  const text = parts.map((part) => part.text.repeat('times' in part ? (part.times ?? 1) : 1)).join('');
  return new TextEncoder().encode(text.replace(/\$NOW([+-]\d+)?/g, (_, offset: string) => String(NOW_MS + Number(offset ?? 0))));
}

async function keyOf(edge: Edge, which: BadRequest['key']): Promise<string | undefined> {
  if (which === 'none') return undefined;
  if (which === '8KiB') return 'k'.repeat(8192);
  if (which === 'unknown')
    return (await createKey('a secret that this server has never heard of', { tenant: 'acme', role: 'admin' }, NOW_MS)).key;
  const { key, keyId } = await createKey(SECRET, { tenant: 'acme', role: which === 'read' ? 'read' : 'ingest' }, NOW_MS);
  if (which === 'revoked') await edge.keys.revoke('acme', keyId, NOW_MS);
  return key;
}

/** @param declared with a Content-Length, as most clients; else in chunks. */
async function send(edge: Edge, { method, path, key, headers, body }: BadRequest, declared: boolean): Promise<Response> {
  const bytes = bytesOf(body);
  const length: Record<string, string> = declared && bytes !== undefined ? { 'content-length': String(bytes.length) } : {};
  return edge.send(method, path, {
    key: await keyOf(edge, key),
    headers: { ...length, ...headers },
    ...(bytes === undefined ? {} : { body: bytes }),
  });
}

const FILES = { 'of all endpoints': 'all', 'as JSON': 'json', compressed: 'compressed' } as const;

describe.each(Object.entries(FILES))('bad input %s', (_, file) => {
  describe.each([
    ['with its length', true],
    ['in chunks', false],
  ] as const)('%s', (_form, declared) => {
    test.each(readCases(file))('$id $title', async ({ before = [], request, expected }) => {
      const edge = createEdge();
      for (const first of before) expect((await send(edge, first, declared)).status).toBe(202);
      const response = await send(edge, request, declared);
      const answer = (await response.json()) as Record<string, unknown>;
      expect({ status: response.status, code: answer.code }).toEqual({ status: expected.status, code: expected.code });
      expect(edge.appender.kept).toHaveLength(expected.stored);
      if (expected.code !== undefined) {
        expect(response.headers.get('content-type')).toBe('application/problem+json');
        expect(ERRORS[expected.code].status).toBe(response.status);
        expect(JSON.stringify(answer)).not.toMatch(/\.ts|at [A-Z]|node_modules/);
      }
      if (expected.allow !== undefined) expect(response.headers.get('allow')).toBe(expected.allow);
      if (expected.accepted !== undefined) expect(answer.accepted).toBe(expected.accepted);
      if (expected.duplicate !== undefined) expect(answer.duplicate).toBe(expected.duplicate);
      if (expected.reasons !== undefined) {
        expect((answer.errors as { code: string }[]).map(({ code }) => code)).toEqual(expected.reasons);
      }
      if (expected.values !== undefined) {
        expect([...(edge.appender.kept[0]?.push.values ?? [])]).toEqual(
          expected.values.map((value) => (value === '-0' ? -0 : value)),
        );
      }
    });
  });
});

test('the cases of the list are all here: 14 of all endpoints but those of a raw socket, 26 of JSON, 6 compressed', () => {
  const numbers = (file: 'all' | 'json' | 'compressed'): number[] => [
    ...new Set(readCases(file).map(({ id }) => Number(/\d+/.exec(id)?.[0]))),
  ];
  expect(numbers('all')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14]);
  expect(numbers('json')).toEqual(Array.from({ length: 26 }, (_, i) => i + 1));
  expect(numbers('compressed')).toEqual([1, 2, 3, 4, 5, 6, 0]);
});
