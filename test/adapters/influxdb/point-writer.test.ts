/** The point writer against every answer that InfluxDB, or what stands before it, may give. */
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { influxPointWriter } from '../../../src/adapters/influxdb/point-writer.ts';
import type { MetricStreamError } from '../../../src/model/errors.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import { createSeries } from '../../../src/model/series.ts';
import type { ClientPoints, PointWriter } from '../../../src/ports/point-writer.ts';
import { settle } from '../../agent/manual-clock.ts';
import { clientPoints, sampleRun } from './points.ts';
import { answer, refusing, type ScriptedInflux, scriptedInflux, TOKEN } from './scripted-influx.ts';

const CPU = createSeries('cpu', [], 'percent', 'gauge');
const MINUTE = 1_795_478_400_000;
/** Samples whose value is their place, so that a line can be told by it. */
const run = (count: number, client = 'web-1'): ClientPoints => clientPoints({ client, samples: [sampleRun(CPU, MINUTE, count)] });
const values = (lines: readonly string[]): number[] => lines.map((line) => Number(/value=(\d+)/.exec(line)?.[1]));

let influx: ScriptedInflux;
let writer: PointWriter;

beforeEach(async () => {
  influx = await scriptedInflux();
  writer = influxPointWriter(influx.options);
});
afterEach(() => influx.close());

async function failureOf(points: readonly ClientPoints[]): Promise<MetricStreamError> {
  const error = await writer.write(points).then(
    () => expect.fail('it was written'),
    (thrown: unknown) => thrown as MetricStreamError,
  );
  expect(`${error.message} ${String(error.cause)}`).not.toContain(TOKEN);
  return error;
}

describe('a write', () => {
  test('goes to the bucket of its resolution, in ns, with the token in its header', async () => {
    await writer.write([run(1)]);
    expect(influx.writes.map(({ url }) => url.href)).toEqual([
      'http://influx/api/v2/write?org=acme%20%26%20sons&bucket=t_metrics_raw&precision=ns',
    ]);
    expect(influx.writes[0]?.headers).toMatchObject({
      authorization: `Token ${TOKEN}`,
      'content-type': 'text/plain; charset=utf-8',
    });
    expect(influx.writes[0]?.lines[0]).toMatch(/^server_metrics,.* unit="percent",value=0 1795478400000000000$/);
  });

  test('of nothing asks nobody', async () => {
    expect(await writer.write([])).toEqual({ refused: [], refusedCount: 0 });
    expect(influx.writes).toEqual([]);
  });

  test('of many batches encodes no more than two in one turn of the loop', async () => {
    const turns: (() => void)[] = [];
    const clock = {
      ...influx.options.clock,
      schedule: (delayMs: number, task: () => void) => {
        if (delayMs === 0) turns.push(task);
        return () => undefined;
      },
    };
    let asked = 0;
    const fetch = (): Promise<Response> => {
      asked += 1;
      return new Promise(() => undefined);
    };
    const batches = ['a', 'b', 'c', 'd'].map((client) => run(LIMITS.influxBatchPointsMax, client));
    void influxPointWriter({ ...influx.options, clock, fetch }).write(batches);
    for (const expected of [2, 3, 4]) {
      await settle();
      expect(asked).toBe(expected);
      turns.shift()?.();
    }
  });

  test('is compressed where the host can', async () => {
    const zipped = promisify<Uint8Array, Buffer>(gzip);
    writer = influxPointWriter({ ...influx.options, gzip: async (bytes) => new Uint8Array(await zipped(bytes)) });
    await writer.write([run(1_000)]);
    const [write] = influx.writes;
    expect(write?.headers['content-encoding']).toBe('gzip');
    expect(Number(write?.headers['content-length'])).toBeLessThan(15_000);
    expect(values(write?.lines ?? [])).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  });

  test('of many points has at most so many requests in flight, over all calls, and sends each point once', async () => {
    // Answered when so many wait, and some time after: one more would have come meanwhile.
    const waiting: ServerResponse[] = [];
    influx.script = ({ lines }, response) => {
      influx.stored.push(...lines);
      waiting.push(response);
      const due = waiting.length === LIMITS.influxWritesConcurrentMax ? waiting.splice(0) : [];
      setTimeout(() => {
        for (const one of due) answer(one, 204);
      }, 50);
    };
    const clients = ['a', 'b', 'c'].map((client) => Array.from({ length: 8 }, (_, i) => run(2_500, `${client}-${i}`)));
    await Promise.all(clients.map((points) => writer.write(points)));
    expect(influx.openMost()).toBe(LIMITS.influxWritesConcurrentMax);
    expect(new Set(influx.stored).size).toBe(60_000);
    expect(influx.stored).toHaveLength(60_000);
    expect(Math.max(...influx.writes.map(({ lines }) => lines.length))).toBe(LIMITS.influxBatchPointsMax);
  });

  test('never has points of one client in two requests at once', async () => {
    let open = 0;
    influx.script = (_, response) => {
      expect(++open).toBe(1);
      setTimeout(() => {
        open -= 1;
        answer(response, 204);
      }, 5);
    };
    await writer.write([run(22_000)]);
    expect(influx.writes.map(({ lines }) => lines.length)).toEqual([5_000, 5_000, 5_000, 5_000, 2_000]);
  });
});

describe('of a batch with bad lines', () => {
  test('400 stores the good ones and tells the bad ones', async () => {
    influx.script = refusing(influx, /value=(?:7|4321) /, 400);
    const { refused, refusedCount } = await writer.write([run(5_000)]);
    expect(refusedCount).toBe(2);
    expect(refused.map(({ line }) => values([line])[0])).toEqual([7, 4321]);
    expect(refused[0]?.reason).toContain('unable to parse');
    expect(values(influx.stored).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 5_000 }, (_, i) => i).filter((i) => i !== 7 && i !== 4321),
    );
    // Two searches in 5,000 lines, and one to see that it is not every write.
    expect(influx.writes.length).toBeLessThan(2 * 2 * 14);
  });

  test('whichever lines are bad, by 400 or 422: the good are stored, the bad are counted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(299), { maxLength: 60 }),
        fc.constantFrom(400 as const, 422 as const),
        async (bad, status) => {
          influx.stored.length = 0;
          influx.script = refusing(influx, new RegExp(`value=(?:${bad.join('|') || 'none'}) `), status);
          const { refused, refusedCount } = await writer.write([run(300)]);
          expect(refusedCount).toBe(bad.length);
          expect(refused).toHaveLength(Math.min(bad.length, LIMITS.refusedPointsMax));
          for (const { line } of refused) expect(bad).toContain(values([line])[0]);
          expect(new Set(values(influx.stored)).size).toBe(300 - bad.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('422 of all of them needs one request', async () => {
    influx.script = refusing(influx, /value=/, 422);
    const { refused, refusedCount } = await writer.write([run(3_000)]);
    expect([refusedCount, refused.length, influx.writes.length]).toEqual([3_000, LIMITS.refusedPointsMax, 1]);
    expect(refused[0]).toEqual({
      reason: 'failure writing points to database: partial write: points beyond retention policy dropped=3000',
      line: 'server_metrics,host=web-1,metric_name=cpu,tenant=acme unit="percent",value=0 1795478400000000000',
    });
  });

  test('413 is sent again in halves', async () => {
    influx.script = ({ lines }, response) => {
      if (lines.length <= 100) influx.stored.push(...lines.filter((line) => !line.startsWith('#')));
      answer(response, lines.length > 100 ? 413 : 204);
    };
    expect(await writer.write([run(1_000)])).toEqual({ refused: [], refusedCount: 0 });
    expect(new Set(values(influx.stored)).size).toBe(1_000);
  });

  test('where every write is answered 400 no line is to blame', async () => {
    influx.script = (_, response) => answer(response, 400, 'no such host');
    const error = await failureOf([run(100)]);
    expect(error.code).toBe('misconfigured');
    expect(error.message).toContain('no such host');
    expect(influx.writes).toHaveLength(2);
  });

  test('what is told is cut', async () => {
    const labels = Array.from({ length: 20 }, (_, i): [string, string] => [`label_${i}`, '€'.repeat(200)]);
    influx.script = refusing(influx, /value=/, 422);
    const { refused } = await writer.write([
      clientPoints({ samples: [sampleRun(createSeries('cpu', labels, '', 'gauge'), MINUTE, 1)] }),
    ]);
    const bytes = new TextEncoder().encode(refused[0]?.line ?? '').length;
    expect(bytes).toBeLessThanOrEqual(LIMITS.refusedPointBytesMax);
    expect(bytes).toBeGreaterThan(LIMITS.refusedPointBytesMax - 4);
    expect(refused[0]?.line).not.toContain('�');
  });
});

describe('a failure', () => {
  test.each([
    [
      401,
      'InfluxDB does not know the token with which it was asked to write to the bucket "t_metrics_raw" of the organization "acme & sons": why',
    ],
    [403, 'The token for InfluxDB is not allowed to write to the bucket "t_metrics_raw" of the organization "acme & sons": why'],
    [
      404,
      'InfluxDB has no such place, or hides it from the token: it was asked to write to the bucket "t_metrics_raw" of the organization "acme & sons": why',
    ],
    [
      302,
      'InfluxDB answered 302 when it was asked to write to the bucket "t_metrics_raw" of the organization "acme & sons": why',
    ],
    [
      405,
      'InfluxDB answered 405 when it was asked to write to the bucket "t_metrics_raw" of the organization "acme & sons": why',
    ],
  ])('%i is misconfigured: an operator has to mend it', async (status, message) => {
    influx.script = (_, response) => answer(response, status, 'why', { location: 'http://127.0.0.1:1/' });
    const error = await failureOf([run(1)]);
    expect([error.code, error.message]).toEqual(['misconfigured', message]);
  });

  test.each([
    [429, { 'retry-after': '7' }, 7_000],
    [503, { 'retry-after': '0' }, 0],
    [503, { 'retry-after': '86400' }, LIMITS.influxRetryAfterMsMax],
    [503, { 'retry-after': 'soon' }, LIMITS.retryMs],
    [500, {}, LIMITS.retryMs],
    [502, {}, LIMITS.retryMs],
    [408, {}, LIMITS.retryMs],
  ])('%i with %j is unavailable, and says when to come back', async (status, headers, retryAfterMs) => {
    influx.script = (_, response) => answer(response, status, 'busy', headers);
    const error = await failureOf([run(1)]);
    expect([error.code, error.retryAfterMs]).toEqual(['unavailable', retryAfterMs]);
    expect(error.message).toContain('busy');
  });

  test('a Retry-After that is a date counts from now', async () => {
    const clock = { ...influx.options.clock, nowMs: () => Date.parse('2026-11-26T00:00:00Z') };
    writer = influxPointWriter({ ...influx.options, clock });
    influx.script = (_, response) => answer(response, 503, '', { 'retry-after': 'Thu, 26 Nov 2026 00:00:09 GMT' });
    expect((await failureOf([run(1)])).retryAfterMs).toBe(9_000);
  });

  test('no answer in time, or one that does not end, is unavailable', async () => {
    const timers: (() => void)[] = [];
    const clock = {
      ...influx.options.clock,
      schedule: (delayMs: number, task: () => void) => {
        expect(delayMs).toBe(LIMITS.influxWriteTimeoutMs);
        timers.push(task);
        return () => undefined;
      },
    };
    writer = influxPointWriter({ ...influx.options, clock });
    const expire = (): void => {
      for (const task of timers.splice(0)) task();
    };
    influx.script = expire;
    expect(await failureOf([run(1)])).toMatchObject({
      code: 'unavailable',
      retryAfterMs: LIMITS.retryMs,
      message: 'InfluxDB did not answer within 12000 ms.',
    });
    influx.script = (_, response) => {
      response.writeHead(500);
      response.write('{"message":');
      setTimeout(expire, 20);
    };
    expect((await failureOf([run(1)])).code).toBe('unavailable');
  });

  test('a connection that breaks, or is refused, is unavailable', async () => {
    influx.script = (_, response) => response.destroy();
    expect(await failureOf([run(1)])).toMatchObject({ code: 'unavailable', retryAfterMs: LIMITS.retryMs });
    await influx.close();
    expect((await failureOf([run(1)])).message).toBe('InfluxDB cannot be reached.');
  });

  test('in one request ends the write: what waits is not sent, what is under way is waited for', async () => {
    let open = 0;
    influx.script = (_, response) => {
      open += 1;
      const isFirst = influx.writes.length === 1;
      setTimeout(
        () => {
          open -= 1;
          answer(response, isFirst ? 503 : 204);
        },
        isFirst ? 5 : 30,
      );
    };
    await failureOf(Array.from({ length: 20 }, (_, i) => run(5_000, `web-${i}`)));
    expect(open).toBe(0);
    expect(influx.writes.length).toBeLessThanOrEqual(LIMITS.influxWritesConcurrentMax);
    influx.script = (_, response) => answer(response, 204);
    expect((await writer.write([run(30_000)])).refusedCount).toBe(0);
  });

  test('a token that no header can hold is told without the token', async () => {
    writer = influxPointWriter({ ...influx.options, token: `${TOKEN}\n` });
    expect((await failureOf([run(1)])).code).toBe('misconfigured');
    expect(influx.writes).toEqual([]);
  });

  test('of InfluxDB is not read to its end where that is far', async () => {
    influx.script = (_, response) => {
      response.writeHead(503);
      const more = (): void => {
        while (response.write('x'.repeat(65_536)));
        response.once('drain', more);
      };
      more();
    };
    const error = await failureOf([run(1)]);
    expect(error.message.length).toBeLessThan(LIMITS.refusedPointBytesMax + 200);
  });
});
