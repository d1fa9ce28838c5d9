/** Blocks of samples and windows: nothing is lost, nothing is large, and no bytes break a reader. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockCodec } from '../../../src/adapters/embedded/block-codec.ts';
import { zlibCompression } from '../../../src/adapters/node/compression.ts';
import { MetricStreamError } from '../../../src/model/errors.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import { createSeries, type Series } from '../../../src/model/series.ts';
import type { Compression } from '../../../src/ports/compression.ts';
import type { SampleBlock, WindowColumn } from '../../../src/ports/time-series-store.ts';
import { shapeInterner } from '../../../src/protocols/log-record.ts';
import { sampleBlock, windowColumns } from './arbitrary-block.ts';
import { sampleBits, windowBits } from './bits.ts';
import { hostBlocks, hostMinutes, walkMinutes } from './host-metrics.ts';

const codec = blockCodec(zlibCompression(), shapeInterner());
/** Damage reaches the body only where no deflate stands before it. */
const stored: Compression = { deflate: (bytes) => bytes.slice(), inflate: (bytes) => bytes.slice() };
const bare = blockCodec(stored, shapeInterner());

function encoded(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new Error('the block did not fit in a row');
  return bytes;
}

function samplesIn({ columns }: SampleBlock): number {
  return columns.reduce((sum, { values }) => sum + values.length, 0);
}

function windowsIn(columns: readonly WindowColumn[]): number {
  return columns.reduce((sum, { starts }) => sum + starts.length, 0);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}

/** Any value but an exception, or corrupt_data. */
function survives(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof MetricStreamError) || error.code !== 'corrupt_data') throw error;
  }
}

describe('a block of samples', () => {
  test('comes back bit for bit', () => {
    fc.assert(
      fc.property(sampleBlock, (block) => {
        expect(sampleBits(codec.decodeSamples(encoded(codec.encodeSamples(block)), undefined))).toEqual(sampleBits(block));
      }),
      { numRuns: 500 },
    );
  });

  test('of which some series are wanted gives those as a reader of all has them', () => {
    fc.assert(
      fc.property(sampleBlock, fc.func(fc.boolean()), (block, choose) => {
        const want = ({ key }: Series): boolean => choose(key);
        const some = codec.decodeSamples(encoded(codec.encodeSamples(block)), want);
        expect(sampleBits(some)).toEqual(sampleBits({ ...block, columns: block.columns.filter(({ series }) => want(series)) }));
      }),
    );
  });

  test('keeps −0, the smallest and the largest doubles, 17 digits and what rounding leaves', () => {
    const values = [
      0,
      -0,
      5e-324,
      -5e-324,
      2 ** -1022,
      Number.MAX_VALUE,
      -1e308,
      0.1 + 0.2,
      42.857142857142854,
      1 / 3,
      2 ** 53 + 2,
    ];
    for (const order of [values, values.toReversed(), values.map(() => -0), [0, -0, 0], [1.5, 2.25, -0]]) {
      const block: SampleBlock = {
        timesMs: Float64Array.from(order, (_, i) => i),
        timesNs: undefined,
        columns: [{ series: createSeries('a', [], '', 'gauge'), rows: undefined, values: Float64Array.from(order) }],
      };
      expect(sampleBits(codec.decodeSamples(encoded(codec.encodeSamples(block)), undefined))).toEqual(sampleBits(block));
    }
  });

  test('of a real host takes at most 0.76 bytes a sample over the whole capture; the promise is 1', () => {
    const blocks = hostBlocks();
    const bytes = blocks.reduce((sum, block) => sum + encoded(codec.encodeSamples(block)).length, 0);
    const samples = blocks.reduce((sum, block) => sum + samplesIn(block), 0);
    expect(samples).toBe(22_200);
    expect(bytes / samples).toBeLessThanOrEqual(0.76);
  });

  test('of metrics that do not change takes less than a fiftieth of a byte a sample beside their names', () => {
    const flat = (rowsMax: number): SampleBlock => ({
      timesMs: Float64Array.from({ length: rowsMax }, (_, i) => i * 10_000),
      timesNs: undefined,
      columns:
        hostBlocks()[0]?.columns.map(({ series }) => ({
          series,
          rows: undefined,
          values: new Float64Array(rowsMax).fill(13.61),
        })) ?? [],
    });
    const names = encoded(codec.encodeSamples(flat(1))).length;
    expect(encoded(codec.encodeSamples(flat(60))).length - names).toBeLessThan((37 * 60) / 50);
  });

  test('too large for a row is not encoded', () => {
    const values = Float64Array.from({ length: LIMITS.blockPointsMax + 1 }, (_, i) => i);
    const block = { timesMs: values, timesNs: undefined, columns: [] };
    expect(codec.encodeSamples(block)).toBeUndefined();
  });
});

describe('a block of windows', () => {
  test('comes back bit for bit', () => {
    fc.assert(
      fc.property(windowColumns, (columns) => {
        expect(windowBits(codec.decodeWindows(encoded(codec.encodeWindows(columns)), undefined))).toEqual(windowBits(columns));
      }),
      { numRuns: 500 },
    );
  });

  test('of which some series are wanted gives those as a reader of all has them', () => {
    fc.assert(
      fc.property(windowColumns, fc.func(fc.boolean()), (columns, choose) => {
        const want = ({ key }: Series): boolean => choose(key);
        const some = codec.decodeWindows(encoded(codec.encodeWindows(columns)), want);
        expect(windowBits(some)).toEqual(windowBits(columns.filter(({ series }) => want(series))));
      }),
    );
  });

  test('of walks whose every step is another takes at most 7.5 bytes a minute, where varints took 10.5', () => {
    const columns = walkMinutes();
    const bytes = encoded(codec.encodeWindows(columns));
    expect(bytes.length / windowsIn(columns)).toBeLessThanOrEqual(7.5);
    expect(windowBits(codec.decodeWindows(bytes, undefined))).toEqual(windowBits(columns));
  });

  test('keeps sums and increases that are off their decimals, tiny, huge or −0', () => {
    const [base] = hostMinutes(0);
    const odd = [0, -0, 5e-324, 2 ** -1060, 0.1 + 0.2, 1 / 3, 2 ** 53 + 2, Number.MAX_VALUE, -1e308, 0.30000000000000004];
    const windows = (values: readonly number[]): WindowColumn[] => {
      const column = base as WindowColumn;
      const field = (of: Float64Array): Float64Array => of.slice(0, values.length);
      return [
        {
          series: column.series,
          starts: field(column.starts),
          count: field(column.count),
          min: field(column.min),
          max: field(column.max),
          first: field(column.first),
          last: field(column.last),
          revision: field(column.revision),
          sum: Float64Array.from(values),
          increase: Float64Array.from(values),
        },
      ];
    };
    for (const values of [odd, odd.toReversed(), ...odd.map((one) => [one, one, 2.5]), [5e-324, 13.61]]) {
      expect(windowBits(codec.decodeWindows(encoded(codec.encodeWindows(windows(values))), undefined))).toEqual(
        windowBits(windows(values)),
      );
    }
  });

  test('of a real host takes at most 4.5 bytes a minute, in a quiet hour and in the busiest; the promise is 8', () => {
    for (const firstMinute of [0, 40]) {
      const columns = hostMinutes(firstMinute);
      expect(windowsIn(columns)).toBe(37 * 60);
      const bytes = encoded(codec.encodeWindows(columns));
      expect(bytes.length / windowsIn(columns)).toBeLessThanOrEqual(4.5);
      expect(windowBits(codec.decodeWindows(bytes, undefined))).toEqual(windowBits(columns));
    }
  });
});

describe('damaged blocks', () => {
  const [block] = hostBlocks();
  const samples = encoded(bare.encodeSamples({ ...(block as SampleBlock), columns: block?.columns.slice(0, 14) ?? [] }));
  const windows = encoded(bare.encodeWindows(hostMinutes(40).slice(0, 6)));

  test('any bytes are a value or corrupt_data', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const block = Uint8Array.of(1, ...bytes);
        for (const reader of [codec, bare]) {
          survives(() => reader.decodeSamples(block, undefined));
          survives(() => reader.decodeWindows(block, undefined));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('a block that ends early is corrupt_data, wherever it ends', () => {
    for (const whole of [samples, windows]) {
      for (let end = 0; end < whole.length; end++) {
        const read = (): unknown =>
          whole === samples
            ? bare.decodeSamples(whole.slice(0, end), undefined)
            : bare.decodeWindows(whole.slice(0, end), undefined);
        expect(read).toThrow(MetricStreamError);
      }
    }
  });

  test('a block with changed bytes is a value or corrupt_data', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(samples, windows),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (whole, changes) => {
          const damaged = whole.slice();
          for (const [place, byte] of changes) damaged[1 + (place % (damaged.length - 1))] = byte;
          if (whole === samples) survives(() => bare.decodeSamples(damaged, undefined));
          else survives(() => bare.decodeWindows(damaged, undefined));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a few bytes that claim many samples are refused before room is made for them', () => {
    const noBits = 0;
    const line = [0, 0, 0];
    const times = [noBits, 4, ...line, 0];
    const tooManyTimes = [...varint(LIMITS.blockPointsMax + 1), ...times];
    expect(() => bare.decodeSamples(Uint8Array.of(1, noBits, ...tooManyTimes), undefined)).toThrow('too many');
    expect(() => bare.decodeWindows(Uint8Array.of(1, noBits, ...tooManyTimes), undefined)).toThrow('too many');

    const names = Array.from({ length: 100 }, (_, place) => createSeries(`a${place}`, [], '', 'gauge'));
    const shape = shapeInterner().intern(names).bytes;
    const half = LIMITS.blockPointsMax / 2;
    const sampleColumn = [0, 0, 0, ...line];
    const many = (columns: number): Uint8Array =>
      Uint8Array.of(
        1,
        noBits,
        ...varint(half),
        ...times,
        ...varint(shape.length),
        ...shape,
        ...Array.from({ length: columns }, () => [noBits, sampleColumn.length, ...sampleColumn]).flat(),
      );
    expect(() => bare.decodeSamples(many(100), undefined)).toThrow('too many samples');
    expect(bare.decodeSamples(many(100), ({ name }) => name === 'a99').columns[0]?.values).toHaveLength(half);
  });

  test('a version that is not known is corrupt_data', () => {
    expect(() => bare.decodeSamples(Uint8Array.of(2, ...samples.subarray(1)), undefined)).toThrow(/version/);
    expect(() => bare.decodeWindows(new Uint8Array(0), undefined)).toThrow(/version/);
  });
});
