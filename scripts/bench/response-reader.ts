/** Reads the responses of one keep-alive HTTP/1.1 connection with one request in flight: the status and where it ends. */

const CR = 13;
const LF = 10;
const CONTENT_LENGTH = new TextEncoder().encode('content-length:');
const STATUS_AT = 'HTTP/1.1 '.length;
const UNFINISHED = -1;

/**
 * @returns takes what the socket brings, in pieces of any size, and calls back once a response is whole.
 * It throws on a response without Content-Length and on bytes that nobody asked for.
 */
export function responseReader(onResponse: (status: number) => void): (chunk: Uint8Array) => void {
  let held: Uint8Array | undefined;
  return (chunk) => {
    const bytes = held === undefined ? chunk : join(held, chunk);
    const end = responseEnd(bytes);
    if (end === UNFINISHED || end > bytes.length) {
      held = bytes === chunk ? chunk.slice() : bytes;
      return;
    }
    if (end < bytes.length) throw new Error('The server sent more than one response to one request.');
    held = undefined;
    onResponse(number(bytes, STATUS_AT));
  };
}

/** Where the first response of `bytes` ends, by its Content-Length; UNFINISHED while its head is not whole. */
function responseEnd(bytes: Uint8Array): number {
  let bodyBytes = UNFINISHED;
  let lineStart = 0;
  for (let at = 1; at < bytes.length; at += 1) {
    if (bytes[at] !== LF || bytes[at - 1] !== CR) continue;
    if (at - 1 === lineStart) {
      if (bodyBytes === UNFINISHED) throw new Error('The server answered without Content-Length.');
      return at + 1 + bodyBytes;
    }
    if (startsWith(bytes, lineStart, CONTENT_LENGTH)) bodyBytes = number(bytes, lineStart + CONTENT_LENGTH.length);
    lineStart = at + 1;
  }
  return UNFINISHED;
}

function startsWith(bytes: Uint8Array, at: number, lowerCase: Uint8Array): boolean {
  for (let i = 0; i < lowerCase.length; i += 1) if (((bytes[at + i] ?? 0) | 0x20) !== (lowerCase[i] ?? 0)) return false;
  return true;
}

/** A decimal number behind optional spaces. */
function number(bytes: Uint8Array, at: number): number {
  let i = at;
  while (bytes[i] === 0x20) i += 1;
  let value = 0;
  for (; ; i += 1) {
    const digit = (bytes[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
