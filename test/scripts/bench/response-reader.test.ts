/** The response reader, whatever pieces the network makes of a response. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { responseReader } from '../../../scripts/bench/response-reader.ts';

const RESPONSES = [
  ['HTTP/1.1 202 Accepted\r\ncontent-length: 17\r\nX-Id: 7\r\n\r\n{"accepted":10}\r\n', 202],
  ['HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n', 429],
  ['HTTP/1.1 503 \r\nContent-Length:   4\r\n\r\n\r\n\r\n', 503],
] as const;

function read(pieces: readonly string[]): number[] {
  const statuses: number[] = [];
  const reader = responseReader((status) => statuses.push(status));
  for (const piece of pieces) reader(new TextEncoder().encode(piece));
  return statuses;
}

describe('response reader', () => {
  test('every cut of a response gives its status once', () => {
    const order = fc.array(fc.constantFrom(...RESPONSES), { minLength: 1, maxLength: 5 });
    const cuts = fc.array(fc.nat({ max: 80 }), { maxLength: 5 });
    fc.assert(
      fc.property(order, cuts, (responses, places) => {
        const pieces = responses.flatMap(([text]) => {
          const at = [0, ...places.filter((place) => place < text.length).sort((a, b) => a - b), text.length];
          return at.slice(1).map((end, i) => text.slice(at[i], end));
        });
        expect(read(pieces)).toEqual(responses.map(([, status]) => status));
      }),
    );
  });

  test('a response without Content-Length is refused', () => {
    expect(() => read(['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'])).toThrow('without Content-Length');
  });

  test('bytes behind a response are refused: nobody asked for them', () => {
    expect(() => read([`${RESPONSES[1][0]}H`])).toThrow('more than one response');
  });
});
