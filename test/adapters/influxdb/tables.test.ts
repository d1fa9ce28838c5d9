/** Tables that were read become blocks: every series once, in time, and of what stands twice the one that counts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FluxTable } from '../../../src/adapters/influxdb/flux-tables.ts';
import { WINDOW_FIELDS } from '../../../src/adapters/influxdb/names.ts';
import { sampleBlock } from '../../../src/adapters/influxdb/sample-tables.ts';
import { seriesOfTables } from '../../../src/adapters/influxdb/series-tables.ts';
import { tagKey, tagText } from '../../../src/adapters/influxdb/tag-text.ts';
import { fieldsToRead, windowBlocks } from '../../../src/adapters/influxdb/window-tables.ts';
import { mergeBlocks } from '../../../src/consumers/sample-block.ts';
import { createSeries, type Series } from '../../../src/model/series.ts';
import type { SampleBlock, WindowColumn } from '../../../src/ports/time-series-store.ts';
import { BLOCK, WINDOWS } from './points.ts';

const HOUR_MS = 3_600_000;
const CPU = createSeries('cpu', [], 'percent', 'gauge');

function table(series: Series, datacenter: string, field: string, rows: Partial<FluxTable>): FluxTable {
  const tags = new Map([
    ['_field', field],
    ['datacenter', datacenter],
    ['metric_name', tagText(series.name)],
    ...series.labels.map(([key, value]): [string, string] => [tagKey(key), tagText(value)]),
  ]);
  return { result: '', tags, timesMs: [], timesNs: [], numbers: [], texts: [], ...rows };
}

function wordsOf(series: Series, datacenter: string): FluxTable[] {
  const words = [['unit', series.unit] as const, ['kind', series.kind === 'counter' ? 'counter' : ''] as const];
  return words.filter(([, text]) => text !== '').map(([field, text]) => table(series, datacenter, field, { texts: [text] }));
}

function sampleTables(block: SampleBlock, datacenter: string): FluxTable[] {
  return block.columns.flatMap(({ series, rows, values }) => {
    const at = Array.from(values, (_, i) => rows?.[i] ?? i);
    const timesMs = at.map((row) => block.timesMs[row] ?? 0);
    const timesNs = at.map((row) => block.timesNs?.[row] ?? 0);
    return [...wordsOf(series, datacenter), table(series, datacenter, 'value', { timesMs, timesNs, numbers: [...values] })];
  });
}

function windowTables(column: WindowColumn, datacenter: string): FluxTable[] {
  const timesMs = [...column.starts];
  const fields = WINDOW_FIELDS.map((name) => table(column.series, datacenter, name, { timesMs, numbers: [...column[name]] }));
  return [...fields, ...wordsOf(column.series, datacenter)];
}

/** Columns in the order of their series, times that no column uses left out. */
function normal(blocks: readonly SampleBlock[]): [string, number, number, number][] {
  const merged = mergeBlocks(blocks);
  return merged.columns
    .flatMap(({ series, rows, values }) =>
      Array.from(values, (value, i): [string, number, number, number] => {
        const row = rows?.[i] ?? i;
        return [series.key, merged.timesMs[row] ?? 0, merged.timesNs?.[row] ?? 0, value];
      }),
    )
    .sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1] || a[2] - b[2]));
}

describe('samples', () => {
  test('of several places are what the union of their blocks is', () => {
    fc.assert(
      fc.property(fc.array(BLOCK, { minLength: 1, maxLength: 3 }), (blocks) => {
        const block = sampleBlock(seriesOfTables(blocks.flatMap((one, i) => sampleTables(one, `dc-${i}`))));
        expect(normal([block])).toEqual(normal(blocks));
        expect(block.columns.map(({ series }) => series.key)).toEqual(block.columns.map(({ series }) => series.key).sort());
        for (const { rows, values } of block.columns) expect(rows?.length ?? block.timesMs.length).toBe(values.length);
      }),
    );
  });

  test('bring their series back: labels, unit and kind', () => {
    fc.assert(
      fc.property(BLOCK, (block) => {
        const found = seriesOfTables(sampleTables(block, 'fra')).map(({ series }) => series);
        const byKey = (a: Series, b: Series): number => (a.key < b.key ? -1 : 1);
        expect(found).toEqual(block.columns.map(({ series }) => series).sort(byKey));
      }),
    );
  });

  test('that share their times have no rows of their own', () => {
    const rows = { timesMs: [1, 2], timesNs: [0, 0] };
    const other = createSeries('load1', [], '', 'gauge');
    const block = sampleBlock(
      seriesOfTables([
        table(other, 'a', 'value', { ...rows, numbers: [3, 4] }),
        table(CPU, 'a', 'value', { ...rows, numbers: [1, 2] }),
      ]),
    );
    expect(block.columns.map(({ series, rows: own }) => [series.name, own])).toEqual([
      ['cpu', undefined],
      ['load1', undefined],
    ]);
    expect(block.timesNs).toBeUndefined();
  });

  test('that are none are no column', () => {
    expect(sampleBlock(seriesOfTables(wordsOf(CPU, 'fra'))).columns).toEqual([]);
    expect(sampleBlock([]).timesMs).toHaveLength(0);
  });
});

describe('windows', () => {
  test('come back whole, block by block', () => {
    fc.assert(
      fc.property(fc.uniqueArray(WINDOWS, { minLength: 1, maxLength: 3, selector: ({ series }) => series.key }), (columns) => {
        const blocks = windowBlocks(seriesOfTables(columns.flatMap((column) => windowTables(column, 'fra'))), HOUR_MS);
        const starts = blocks.map(({ blockStartMs }) => blockStartMs);
        expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
        for (const { series, ...held } of columns) {
          const own = blocks.flatMap(({ blockStartMs, columns: of }) =>
            of.filter((one) => one.series.key === series.key).map((one) => ({ blockStartMs, one })),
          );
          for (const { blockStartMs, one } of own) {
            expect(one.series).toEqual({ ...one.series, key: series.key, name: series.name });
            for (const start of one.starts) expect(Math.floor(start / HOUR_MS) * HOUR_MS).toBe(blockStartMs);
          }
          for (const name of ['starts', ...WINDOW_FIELDS] as const)
            expect(own.flatMap(({ one }) => [...one[name]])).toEqual([...held[name]]);
        }
      }),
    );
  });

  const column = (starts: readonly number[], count: number, revision: number): WindowColumn => {
    const all = (value: number): Float64Array => Float64Array.from(starts, () => value);
    const [one, revisions] = [all(count), all(revision)];
    return {
      series: CPU,
      starts: Float64Array.from(starts),
      count: one,
      sum: one,
      min: one,
      max: one,
      first: one,
      last: one,
      increase: one,
      revision: revisions,
    };
  };
  const read = (tables: FluxTable[]) =>
    windowBlocks(seriesOfTables(tables), HOUR_MS).flatMap(({ columns }) =>
      columns.flatMap(({ starts, sum, revision }) => [...starts].map((start, i) => [start, sum[i], revision[i]])),
    );

  test('of which some fields were read have those as they are', () => {
    fc.assert(
      fc.property(WINDOWS, fc.subarray([...WINDOW_FIELDS]), (column, wanted) => {
        const fields = fieldsToRead(wanted);
        expect(fields).toEqual(expect.arrayContaining(['count', 'revision', ...wanted]));
        const tables = windowTables(column, 'fra').filter(({ tags }) => {
          const field = tags.get('_field') ?? '';
          return field === 'unit' || field === 'kind' || fields.some((name) => name === field);
        });
        const read = windowBlocks(seriesOfTables(tables), HOUR_MS, [], fields).flatMap(({ columns }) => columns);
        for (const name of ['starts', ...wanted] as const)
          expect(read.flatMap((one) => [...one[name]])).toEqual([...column[name]]);
      }),
    );
  });

  test('of two places the higher revision counts, and of equal ones the window of more samples', () => {
    const tables = [
      windowTables(column([0, 60_000], 5, 2), 'ams'),
      windowTables(column([60_000, 120_000], 4, 3), 'fra'),
      windowTables(column([0], 6, 2), 'muc'),
    ];
    const expected = [
      [0, 6, 2],
      [60_000, 4, 3],
      [120_000, 4, 3],
    ];
    expect(read(tables.flat())).toEqual(expected);
    expect(read(tables.reverse().flat())).toEqual(expected);
  });

  test('that another program wrote in part are left out', () => {
    const tables = windowTables(column([0, 60_000, 120_000], 5, 1), 'fra');
    const partial = tables.map((one) =>
      one.tags.get('_field') === 'first' ? { ...one, timesMs: [0, 120_000], numbers: [5, 5] } : one,
    );
    expect(read(partial)).toEqual([
      [0, 5, 1],
      [120_000, 5, 1],
    ]);
    expect(read(tables.filter(({ tags }) => tags.get('_field') !== 'revision'))).toEqual([]);
  });
});
