/** Lines for InfluxDB: whatever is written can be read back as it was, and batches keep their bounds. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LineBatch, lineEncoder } from '../../../src/adapters/influxdb/line-encoder.ts';
import { WINDOW_FIELDS } from '../../../src/adapters/influxdb/names.ts';
import { labelsOfTags, textOfTag } from '../../../src/adapters/influxdb/tag-text.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import { createSeries, type Series } from '../../../src/model/series.ts';
import type { ClientPoints } from '../../../src/ports/point-writer.ts';
import { type ParsedPoint, parseLine, splitLines } from './line-protocol.ts';
import { BLOCK, clientPoints, SERIES, sampleRun, WINDOWS } from './points.ts';

const CPU = createSeries('cpu', [], 'percent', 'gauge');
const MINUTE = 1_795_478_400_000;

function encode(...points: ClientPoints[]): { batches: LineBatch[]; refused: string[] } {
  const refused: string[] = [];
  const batches = [...lineEncoder().batches(points, (reason, line) => refused.push(`${reason}: ${line}`))];
  return { batches, refused };
}

function linesIn(batch: LineBatch): string[] {
  const lines = splitLines(new TextDecoder('utf-8', { fatal: true }).decode(batch.bytes));
  const ends = lines.map((line) => new TextEncoder().encode(line).length + 1);
  for (let i = 1; i < ends.length; i++) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0);
  expect(Array.from(batch.ends)).toEqual(ends);
  return lines;
}

function parsed(...points: ClientPoints[]): ParsedPoint[] {
  const { batches, refused } = encode(...points);
  expect(refused).toEqual([]);
  return batches.flatMap(linesIn).map(parseLine);
}

/** The series that a reader of the line would make, with the host's own tags. */
function identity({ tags, fields }: ParsedPoint) {
  const map = new Map(tags);
  const unit = fields.get('unit') ?? '';
  const kind = fields.get('kind') === 'counter' ? 'counter' : 'gauge';
  const own = ['tenant', 'host', 'datacenter', 'environment'].map((key) => {
    const tag = map.get(key);
    return tag === undefined ? undefined : textOfTag(tag);
  });
  return { own, series: createSeries(map.get('metric_name') ?? '', labelsOfTags(map), String(unit), kind) };
}

const PLACE = fc.record({
  datacenter: fc.constantFrom(undefined, 'fra 1', ''),
  environment: fc.constantFrom(undefined, 'prod,eu', 'a=b\\'),
});

function expectIdentity(
  point: ParsedPoint,
  series: Series,
  { datacenter, environment }: Pick<ClientPoints, 'datacenter' | 'environment'>,
) {
  expect(point.measurement).toBe('server_metrics');
  expect(identity(point)).toEqual({ own: ['acme', 'web-1', datacenter, environment], series });
  const keys = point.tags.map(([key]) => key);
  expect(keys).toEqual([...new Set(keys)].sort());
}

describe('a line', () => {
  test('holds a sample whole: series, place, every bit of the value, every ns of the time', () => {
    fc.assert(
      fc.property(BLOCK, PLACE, (block, place) => {
        const points = parsed(clientPoints({ ...place, samples: [block] }));
        const samples = block.columns.flatMap(({ series, rows, values }) =>
          Array.from(values, (value, i) => ({ series, value, row: rows?.[i] ?? i })),
        );
        expect(points).toHaveLength(samples.length);
        for (const [i, { series, value, row }] of samples.entries()) {
          const point = points[i] as ParsedPoint;
          expectIdentity(point, series, place);
          expect(point.fields.get('value')).toBe(value);
          expect(point.ns).toBe(BigInt(block.timesMs[row] ?? 0) * 1_000_000n + BigInt(block.timesNs?.[row] ?? 0));
        }
      }),
    );
  });

  test('holds a window whole, count and revision up to 2^53', () => {
    fc.assert(
      fc.property(WINDOWS, PLACE, fc.boolean(), (column, place, isMinute) => {
        const points = parsed(clientPoints({ ...place, [isMinute ? 'minutes' : 'hours']: [column] }));
        expect(points).toHaveLength(column.starts.length);
        for (const [i, point] of points.entries()) {
          expectIdentity(point, column.series, place);
          for (const name of WINDOW_FIELDS) expect(point.fields.get(name)).toBe(column[name][i]);
          expect(point.fields.get('avg')).toBe((column.sum[i] ?? 0) / (column.count[i] ?? 1));
          expect(point.ns).toBe(BigInt(column.starts[i] ?? 0) * 1_000_000n);
        }
      }),
    );
  });

  test('is what people expect to see', () => {
    const series = createSeries('disk_free', [['mount', 'C:\\Program Files']], 'bytes', 'gauge');
    const { batches } = encode(clientPoints({ datacenter: 'fra', samples: [sampleRun(series, MINUTE, 1, () => 1.5)] }));
    expect(new TextDecoder().decode(batches[0]?.bytes)).toBe(
      'server_metrics,datacenter=fra,host=web-1,metric_name=disk_free,mount=C:%5CProgram\\ Files,tenant=acme unit="bytes",value=1.5 1795478400000000000\n',
    );
  });

  test('leaves the unit out where there is none, and names the kind of a counter only', () => {
    const [gauge, counter] = parsed(
      clientPoints({
        samples: [
          sampleRun(createSeries('a', [], '', 'gauge'), MINUTE, 1),
          sampleRun(createSeries('b', [], '', 'counter'), MINUTE, 1),
        ],
      }),
    );
    expect([...(gauge?.fields.keys() ?? [])]).toEqual(['value']);
    expect([...(counter?.fields.keys() ?? [])]).toEqual(['kind', 'value']);
  });
});

test('a series that changes its unit or its kind does not keep the old one', () => {
  const encoder = lineEncoder();
  const text = (series: Series): string => {
    const [batch] = [...encoder.batches([clientPoints({ samples: [sampleRun(series, MINUTE, 1)] })], () => undefined)];
    return new TextDecoder().decode(batch?.bytes);
  };
  expect(text(CPU)).toContain('unit="percent"');
  expect(text({ ...CPU, unit: 'ratio' })).toContain('unit="ratio"');
  expect(text({ ...CPU, kind: 'counter' })).toContain('kind="counter"');
});

test('what line protocol cannot say is refused, with its line, and nothing else is', () => {
  const broken = createSeries('cpu', [['mount', '\ud800']], '', 'gauge');
  const { batches, refused } = encode(
    clientPoints({
      samples: [
        sampleRun(CPU, MINUTE, 3, (place) => (place === 1 ? Number.POSITIVE_INFINITY : place)),
        sampleRun(broken, MINUTE, 1),
      ],
    }),
  );
  expect(batches.flatMap(linesIn).map((line) => parseLine(line).fields.get('value'))).toEqual([0, 2]);
  expect(refused).toEqual([
    expect.stringMatching(/^a number is not finite.*,value=Infinity 1795478400001000000$/),
    expect.stringMatching(/^a label or the unit is not well-formed.*mount=�/),
  ]);
});

describe('batches', () => {
  test('hold no more points than they may, and say when their client ended the one before', () => {
    const run = (client: string, count: number) => clientPoints({ client, samples: [sampleRun(CPU, MINUTE, count)] });
    const most = LIMITS.influxBatchPointsMax;
    const shape = (...points: ClientPoints[]) => encode(...points).batches.map(({ ends, follows }) => [ends.length, follows]);
    expect(shape(run('a', most - 1), run('b', 3))).toEqual([
      [most, false],
      [2, true],
    ]);
    expect(shape(run('a', most), run('b', 3))).toEqual([
      [most, false],
      [3, false],
    ]);
    expect(shape(run('a', 2 * most + 1), run('b', most))).toEqual([
      [most, false],
      [most, true],
      [most, true],
      [1, true],
    ]);
    expect(shape(run('a', most + 1), run('b', most - 1), run('c', 1))).toEqual([
      [most, false],
      [most, true],
      [1, false],
    ]);
  });

  test('hold no more bytes than they may and a line', () => {
    const labels = Array.from({ length: LIMITS.labelsMax }, (_, i): [string, string] => [
      `label_${i}`,
      '\\'.repeat(LIMITS.labelValueLengthMax),
    ]);
    const { batches } = encode(clientPoints({ samples: [sampleRun(createSeries('cpu', labels, '', 'gauge'), MINUTE, 400)] }));
    expect(batches.length).toBeGreaterThan(1);
    expect(batches.reduce((sum, { ends }) => sum + ends.length, 0)).toBe(400);
    for (const { bytes } of batches) expect(bytes.length).toBeLessThan(LIMITS.influxBatchBytesMax + 64 * 1024);
  });

  test('are one for each bucket, none where there is nothing', () => {
    expect(encode().batches).toEqual([]);
    expect(encode(clientPoints({})).batches).toEqual([]);
    const column = { ...windowOf(MINUTE) };
    const { batches } = encode(
      clientPoints({ samples: [sampleRun(CPU, MINUTE, 1)], hours: [column], minutes: [column, column] }),
    );
    expect(batches.map(({ kind, ends }) => [kind, ends.length])).toEqual([
      ['raw', 1],
      ['1m', 2],
      ['1h', 1],
    ]);
  });

  test('may be taken in turns by several writers', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(SERIES, fc.integer({ min: 1, max: 7_000 })), { minLength: 2, maxLength: 3 }), (runs) => {
        const encoder = lineEncoder();
        const writers = runs.map(([series, count]) =>
          encoder.batches([clientPoints({ samples: [sampleRun(series, MINUTE, count)] })], () => undefined),
        );
        const counts = runs.map(() => 0);
        for (let going = true; going; ) {
          going = false;
          for (const [i, writer] of writers.entries()) {
            const { value, done } = writer.next();
            if (done === true) continue;
            going = true;
            counts[i] = (counts[i] ?? 0) + value.ends.length;
            const points = linesIn(value).slice(0, 2).map(parseLine);
            for (const point of points) expect(identity(point).series).toEqual(runs[i]?.[0]);
          }
        }
        expect(counts).toEqual(runs.map(([, count]) => count));
      }),
      { numRuns: 20 },
    );
  });
});

function windowOf(startMs: number) {
  const one = Float64Array.of(1);
  return {
    series: CPU,
    starts: Float64Array.of(startMs),
    count: one,
    sum: one,
    min: one,
    max: one,
    first: one,
    last: one,
    increase: one,
    revision: one,
  };
}
