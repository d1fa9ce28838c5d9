/** Annotated CSV as InfluxDB 2.7 answered it, and what is made of it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FluxReader, fluxReader } from '../../../src/adapters/influxdb/flux-tables.ts';
import { FINITE } from './points.ts';

const WORDS = [
  '#datatype,string,long,dateTime:RFC3339,string,string,string',
  '#group,false,false,false,false,true,true',
  '#default,words,,,,,',
  ',result,table,_time,_value,_field,metric_name',
];
const ROWS = [
  '#datatype,string,long,dateTime:RFC3339,double,string,string,string',
  '#group,false,false,false,false,true,true,true',
  '#default,rows,,,,,,',
  ',result,table,_time,_value,_field,metric_name,mount',
];

function read(...lines: string[]) {
  const reader = fluxReader();
  reader.read(lines.join('\r\n'));
  return plain(reader);
}

function plain(reader: FluxReader) {
  return reader.tables().map(({ tags, ...table }) => ({ ...table, tags: [...tags] }));
}

describe('an answer', () => {
  test('is a table for each series and field, named by its yield', () => {
    const tables = read(
      ...WORDS,
      ',,0,2026-11-24T00:00:00Z,percent,unit,cpu',
      '',
      ...ROWS,
      ',,0,2026-11-24T00:00:00Z,1.5,value,disk_free,/',
      ',,0,2026-11-24T00:00:59.000000001Z,-0,value,disk_free,/',
      ',,1,2026-11-24T00:01:00.5Z,3,value,disk_free,"a,""b"" c"',
      '',
    );
    expect(tables).toEqual([
      {
        result: 'words',
        tags: [
          ['_field', 'unit'],
          ['metric_name', 'cpu'],
        ],
        timesMs: [Date.parse('2026-11-24T00:00:00Z')],
        timesNs: [0],
        numbers: [],
        texts: ['percent'],
      },
      {
        result: 'rows',
        tags: [
          ['_field', 'value'],
          ['metric_name', 'disk_free'],
          ['mount', '/'],
        ],
        timesMs: [Date.parse('2026-11-24T00:00:00Z'), Date.parse('2026-11-24T00:00:59Z')],
        timesNs: [0, 1],
        numbers: [1.5, -0],
        texts: [],
      },
      {
        result: 'rows',
        tags: [
          ['_field', 'value'],
          ['metric_name', 'disk_free'],
          ['mount', 'a,"b" c'],
        ],
        timesMs: [Date.parse('2026-11-24T00:01:00.500Z')],
        timesNs: [0],
        numbers: [3],
        texts: [],
      },
    ]);
  });

  test('a table with the number of the one before is another where a new header stands between', () => {
    const row = ',,0,2026-11-24T00:00:00Z,1,value,cpu,/';
    expect(read(...ROWS, row, '', ...ROWS, row)).toHaveLength(2);
  });

  test('may have no times, and texts that are quoted', () => {
    const tables = read(
      '#datatype,string,long,string',
      '#group,false,false,false',
      '#default,raw,,',
      ',result,table,_value',
      ',,0,web-1',
      ',,0,"a,""b"',
      ',,0,"two\n""lines"" ✓"',
    );
    expect(tables[0]).toMatchObject({ timesMs: [], texts: ['web-1', 'a,"b', 'two\n"lines" ✓'] });
  });

  test('is the same wherever it is cut', () => {
    const text = [
      ...WORDS,
      ',,0,2026-11-24T00:00:00Z,"a\r\n""b""",unit,"c,""d"',
      '',
      ...ROWS,
      ',,0,2026-11-24T00:00:00Z,1.5,value,cpu,/',
      '',
    ].join('\r\n');
    const whole = read(text);
    expect(whole.map(({ texts }) => texts)).toEqual([['a\r\n"b"'], []]);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const reader = fluxReader();
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        for (let i = 1; i < places.length; i++) reader.read(text.slice(places[i - 1], places[i]));
        expect(plain(reader)).toEqual(whole);
      }),
    );
  });

  test('has every bit of a number, however Go writes it', () => {
    fc.assert(
      fc.property(FINITE, (value) => {
        const digits = Object.is(value, -0)
          ? '-0'
          : new Intl.NumberFormat('en', { useGrouping: false, maximumSignificantDigits: 21 }).format(value);
        expect(read(...ROWS, `,,0,2026-11-24T00:00:00Z,${digits},value,cpu,/`)[0]?.numbers).toEqual([Number(digits)]);
        expect(read(...ROWS, `,,0,2026-11-24T00:00:00Z,${value},value,cpu,/`)[0]?.numbers).toEqual([Number(String(value))]);
      }),
    );
  });

  test('of nothing is no table', () => {
    expect(read()).toEqual([]);
    expect(read('', '')).toEqual([]);
  });

  test('has times to the ns, whatever digits InfluxDB leaves out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), fc.integer({ min: 0, max: 999_999 }), (ms, ns) => {
        const digits = `${new Date(ms).toISOString().slice(0, -1)}${String(ns).padStart(6, '0')}`.replace(/\.?0+$/, (zeros) =>
          zeros.startsWith('.') ? '' : zeros.replaceAll('0', ''),
        );
        const [table] = read(...ROWS, `,,0,${digits}Z,1,value,cpu,/`);
        expect([table?.timesMs[0], table?.timesNs[0]]).toEqual([ms, ns]);
      }),
    );
  });
});

test('a query that ends with an error says so, however much came before it', () => {
  const error = [
    '#datatype,string,string',
    '#group,true,true',
    '#default,,',
    ',error,reference',
    ',"memory allocation limit reached: ""x""",897',
  ];
  const said = 'InfluxDB could not end a query: memory allocation limit reached: "x"';
  expect(() => read(...error)).toThrow(said);
  expect(() => read(...ROWS, ',,0,2026-11-24T00:00:00Z,1,value,cpu,/', '', ...error)).toThrow(said);
});

test('columns that nobody asked for are an error of ours', () => {
  expect(() => read('#datatype,string,long,double', '#group,false,false,false', '#default,_result,,', ',result,table,x')).toThrow(
    'result table x',
  );
});
