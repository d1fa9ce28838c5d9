/** Bad requests that no HTTP client would send: written byte by byte to a real server's socket (A9–A11, A13, A14). */
import { connect } from 'node:net';
import type { ErrorCode } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';

export interface RawCase {
  readonly id: string;
  readonly title: string;
  /** What is written, piece by piece. A server may answer and close before the last. */
  pieces(host: string, key: string): Iterable<string>;
  /** Half-closes the connection after the last piece. */
  readonly endsEarly?: boolean;
  /** The statuses that are right for the first answer; none at all is right where `mayClose`. */
  readonly statuses: readonly number[];
  /** In place of `statuses` where a platform differs, by the name of the host. */
  readonly statusesOn?: Readonly<Record<string, readonly number[]>>;
  readonly mayClose: boolean;
  /** What our problem object says; left out where the host may refuse before us. */
  readonly code?: ErrorCode;
}

export interface RawResult {
  readonly id: string;
  /** Status of the first answer; undefined: the connection was closed without one. */
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly passed: boolean;
}

const BODY = '{"client_id":"raw","metrics":[{"name":"cpu","value":1}]}';
const CHUNK = ' '.repeat(65_536);

function head(host: string, key: string, ...lines: readonly string[]): string {
  const all = [
    'POST /metrics HTTP/1.1',
    `Host: ${host}`,
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    ...lines,
  ];
  return `${all.join('\r\n')}\r\n\r\n`;
}

export const RAW_CASES: readonly RawCase[] = [
  {
    id: 'A9',
    title: 'a Content-Length over the limit is refused before a byte of the body is sent',
    pieces: (host, key) => [head(host, key, `Content-Length: ${LIMITS.bodyBytesMax + 1}`)],
    statuses: [413],
    mayClose: false,
    code: 'body_too_large',
  },
  {
    id: 'A10',
    title: 'a chunked body is read no further than the limit',
    *pieces(host, key) {
      yield head(host, key, 'Transfer-Encoding: chunked');
      const chunk = `${CHUNK.length.toString(16)}\r\n${CHUNK}\r\n`;
      for (let sent = 0; sent <= LIMITS.bodyBytesMax + 4 * CHUNK.length; sent += CHUNK.length) yield chunk;
      yield '0\r\n\r\n';
    },
    statuses: [413],
    mayClose: false,
    code: 'body_too_large',
  },
  {
    id: 'A11',
    title: 'a Content-Length that is too short leaves a broken body, and what follows is no request',
    pieces: (host, key) => [head(host, key, `Content-Length: ${BODY.length - 10}`) + BODY],
    statuses: [400],
    mayClose: true,
  },
  {
    id: 'A11b',
    title: 'a Content-Length that is too long, and the client goes',
    pieces: (host, key) => [head(host, key, `Content-Length: ${BODY.length + 10}`) + BODY],
    endsEarly: true,
    statuses: [400, 408],
    mayClose: true,
  },
  {
    id: 'A11c',
    title: 'a Content-Length that is no number',
    pieces: (host, key) => [head(host, key, 'Content-Length: many') + BODY],
    statuses: [400, 413],
    mayClose: true,
  },
  {
    id: 'A13',
    title: 'Content-Length and Transfer-Encoding together, as smugglers send them',
    pieces: (host, key) => [
      `${head(host, key, `Content-Length: ${BODY.length}`, 'Transfer-Encoding: chunked')}0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    ],
    statuses: [400],
    mayClose: true,
  },
  {
    id: 'A13b',
    title: 'two Content-Lengths that differ',
    pieces: (host, key) => [head(host, key, `Content-Length: ${BODY.length}`, 'Content-Length: 5') + BODY],
    statuses: [400],
    mayClose: true,
  },
  {
    id: 'A14',
    title: 'a key of 8 KiB',
    pieces: (host) => [head(host, 'k'.repeat(8_192), `Content-Length: ${BODY.length}`) + BODY],
    statuses: [401, 431],
    mayClose: false,
  },
  {
    id: 'A14b',
    title: 'headers of 64 KiB',
    pieces: (host, key) => [head(host, key, `X-Filler: ${'f'.repeat(65_536)}`, `Content-Length: ${BODY.length}`) + BODY],
    // A host refuses them in its own words, before we see them.
    statuses: [400, 401, 431],
    // Cloudflare takes 128 KB of headers, and there is nothing else wrong with it.
    statusesOn: { workerd: [202] },
    mayClose: true,
  },
];

/** How long a server may take for an answer. */
const ANSWER_MS = 5_000;
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3}) /;

/** Sends each case on a connection of its own, one after the other. @param runtime the name of the host that answers. */
export async function runRawCases(runtime: string, host: string, port: number, key: string): Promise<readonly RawResult[]> {
  const results: RawResult[] = [];
  for (const one of RAW_CASES) {
    const answer = await firstAnswer(host, port, one, key);
    const statuses = one.statusesOn?.[runtime] ?? one.statuses;
    const passed =
      answer === 'closed'
        ? one.mayClose
        : answer !== 'silent' && statuses.includes(answer.status) && (one.code === undefined || one.code === answer.code);
    const { status, code } = typeof answer === 'string' ? { status: undefined, code: undefined } : answer;
    results.push({ id: one.id, status, code, passed });
  }
  return results;
}

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
}

/** How long the rest of an answer is waited for, once its status is there. */
const REST_MS = 100;

/** @returns 'silent' when the server neither answered nor closed in time. */
function firstAnswer(host: string, port: number, one: RawCase, key: string): Promise<Answer | 'closed' | 'silent'> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    let received = '';
    const finish = (otherwise: 'closed' | 'silent'): void => {
      clearTimeout(timer);
      socket.destroy();
      const status = STATUS_LINE.exec(received)?.[1];
      resolve(status === undefined ? otherwise : { status: Number(status), code: /"code":"(\w+)"/.exec(received)?.[1] });
    };
    let timer = setTimeout(() => finish('silent'), ANSWER_MS);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      received += text;
      if (!STATUS_LINE.test(received)) return;
      clearTimeout(timer);
      timer = setTimeout(() => finish('silent'), REST_MS);
    });
    // A server that closes while we write resets the connection: no answer, and no failure of ours.
    socket.on('error', () => finish('closed'));
    socket.on('close', () => finish('closed'));
    socket.on('connect', () => {
      for (const piece of one.pieces(`${host}:${port}`, key)) socket.write(piece, 'latin1');
      if (one.endsEarly) socket.end();
    });
  });
}
