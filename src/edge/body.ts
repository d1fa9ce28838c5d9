/** Reads a request's body within bounds, before and after decompression. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { ContentCoding, Decompression } from '../ports/decompression.ts';
import type { Deadlines } from './deadlines.ts';

type Coding = ContentCoding | 'identity';
const CODINGS = { identity: 'identity', gzip: 'gzip', 'x-gzip': 'gzip', deflate: 'deflate' } as const satisfies Record<
  string,
  Coding
>;

/** @throws unsupported_encoding for other codings, and for more than one. */
export function codingOf(contentEncoding: string | null): Coding {
  if (contentEncoding === null) return 'identity';
  const name = contentEncoding.trim().toLowerCase();
  if (Object.hasOwn(CODINGS, name)) return CODINGS[name as keyof typeof CODINGS];
  throw new MetricStreamError('unsupported_encoding', 'Content-Encoding must be gzip, deflate or identity.');
}

/**
 * Not `async`, nor anything that it calls for a body of a declared length: each promise more costs a push as much as its limits do.
 * @param waits how long the body may take to arrive.
 * @throws body_too_large (by Content-Length before anything is read) | invalid_compression | invalid_request | request_timeout
 */
export function readBody(
  request: Request,
  coding: Coding,
  waits: Deadlines,
  decompression: Decompression,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytesMax = coding === 'identity' ? LIMITS.bodyBytesMax : LIMITS.bodyCompressedBytesMax;
  const whole = (bytes: Uint8Array<ArrayBuffer>) => (coding === 'identity' ? bytes : inflate(bytes, coding, decompression));
  const declared = request.headers.get('content-length');
  if (declared === null) return readStreamed(request, bytesMax, waits).then(whole);
  const length = Number(declared);
  if (!(length <= bytesMax)) throw tooLarge(bytesMax);
  return waits.within(
    request.arrayBuffer(),
    tooSlow,
    (buffer) => {
      if (buffer.byteLength === length) return whole(new Uint8Array(buffer));
      throw new MetricStreamError('invalid_request', 'The body is not as long as Content-Length says.');
    },
    unreadable,
  );
}

async function readStreamed(request: Request, bytesMax: number, waits: Deadlines): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array();
  const reader: ByteReader = request.body.getReader();
  try {
    return await waits.within(collect(reader, bytesMax), tooSlow);
  } catch (error) {
    reader.cancel().catch(() => {});
    throw unreadable(error);
  }
}

/** What is used of a stream's reader: the hosts' types for it differ. */
interface ByteReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** @throws body_too_large for what would be over the limit, or more than a body of such a size can honestly hold | invalid_compression */
function inflate(bytes: Uint8Array, coding: ContentCoding, { decompress }: Decompression): Uint8Array<ArrayBuffer> {
  const bytesMax = Math.min(LIMITS.bodyBytesMax, Math.max(LIMITS.inflateRatioFreeBytes, bytes.length * LIMITS.inflateRatioMax));
  const inflated = decompress(bytes, coding, bytesMax);
  if (inflated === undefined) throw tooLarge(bytesMax);
  return inflated;
}

async function collect(reader: ByteReader, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) break;
    length += value.length;
    if (length > bytesMax) throw tooLarge(bytesMax);
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function tooLarge(bytesMax: number): MetricStreamError {
  return new MetricStreamError('body_too_large', `The body may have ${bytesMax} bytes.`);
}

function tooSlow(): MetricStreamError {
  return new MetricStreamError('request_timeout');
}

function unreadable(error: unknown): MetricStreamError {
  if (error instanceof MetricStreamError) return error;
  return new MetricStreamError('invalid_request', 'The body could not be read.', { cause: error });
}
