/** Our own metrics: counted exactly, and written as Prometheus reads them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { encodePrometheusText } from '../../src/protocols/prometheus-text.ts';
import { createEdge, NOW_MS, pushOf } from './harness.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/;

/** A strict reader of the format: whatever it does not know fails the test. */
function parse(text: string): { readonly types: Map<string, string>; readonly samples: Sample[] } {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  expect(text === '' || text.endsWith('\n')).toBe(true);
  for (const line of text.split('\n').slice(0, -1)) {
    const [, type, typeName] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (type !== undefined && typeName !== undefined) {
      if (types.has(type)) expect.fail(`second TYPE of ${type}`);
      types.set(type, typeName);
    } else if (!line.startsWith('# HELP ')) {
      samples.push(parseSample(line));
    }
  }
  for (const { name } of samples) {
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(family)) expect.fail(`${name} has no TYPE`);
  }
  const keys = samples.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]));
  expect(new Set(keys).size).toBe(keys.length);
  return { types, samples };
}

function parseSample(line: string): Sample {
  const [name = expect.fail(`no name: ${line}`)] = NAME.exec(line) ?? [];
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    do {
      rest = rest.slice(1);
      const [whole, key, value] = LABEL.exec(rest) ?? expect.fail(`no label: ${line}`);
      labels[key ?? ''] = (value ?? '').replace(/\\([\\"n])/g, (_, char: string) => (char === 'n' ? '\n' : char));
      rest = rest.slice(whole.length);
    } while (rest.startsWith(','));
    expect(rest.startsWith('} ')).toBe(true);
    rest = rest.slice(1);
  }
  expect(rest).toMatch(/^ (NaN|[+-]Inf|-?\d+(\.\d+)?(e[+-]?\d+)?)$/);
  const text = rest.slice(1);
  return { name, labels, value: text.endsWith('Inf') ? Number(`${text}inity`) : Number(text) };
}

describe('the text', () => {
  test('of any labels and values reads back as it was', () => {
    const label = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/), fc.string({ unit: 'binary' }), { maxKeys: 4 });
    const value = fc.oneof(fc.double(), fc.integer());
    fc.assert(
      fc.property(
        fc.uniqueArray(label, { maxLength: 5, selector: (one) => JSON.stringify(Object.entries(one).sort()) }),
        value,
        (all, one) => {
          const samples = all.map((labels) => ({ labels, value: one }));
          const back = parse(encodePrometheusText([{ type: 'gauge', name: 'a_gauge', samples }])).samples;
          expect(back.map(({ labels }) => ({ ...labels }))).toEqual(all.map((labels) => ({ ...labels })));
          for (const sample of back) expect(sample.value === one || Number.isNaN(one)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('carries help where there is some', () => {
    const text = encodePrometheusText([{ type: 'counter', name: 'a_total', help: 'One\\two\nthree', samples: [] }]);
    expect(text).toBe('# HELP a_total One\\\\two\\nthree\n# TYPE a_total counter\n');
  });
});

describe('telemetry', () => {
  const create = (): ReturnType<typeof memoryTelemetry> => memoryTelemetry({ nowMs: () => NOW_MS });

  test('adds counts of one name by their labels, whichever object they stand in', () => {
    const telemetry = create();
    const labels = { a: '1', b: '2' };
    for (let i = 0; i < 3; i++) telemetry.count('x_total', 2, labels);
    telemetry.count('x_total', 1, { b: '2', a: '1' });
    telemetry.count('x_total', 5, { a: '1' });
    telemetry.count('y_total', 7, labels);
    telemetry.count('z_total');
    expect(parse(telemetry.render()).samples).toEqual([
      { name: 'x_total', labels: { a: '1', b: '2' }, value: 7 },
      { name: 'x_total', labels: { a: '1' }, value: 5 },
      { name: 'y_total', labels: { a: '1', b: '2' }, value: 7 },
      { name: 'z_total', labels: {}, value: 1 },
    ]);
  });

  test('makes a cumulative histogram whose last bucket is its count', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 100, noNaN: true }), { minLength: 1 }), (seconds) => {
        const telemetry = create();
        for (const one of seconds) telemetry.observe('t_seconds', one, { route: '/' });
        const { samples, types } = parse(telemetry.render());
        expect(types.get('t_seconds')).toBe('histogram');
        const buckets = samples.filter(({ name }) => name === 't_seconds_bucket');
        for (const { labels, value } of buckets) {
          const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
          expect(value).toBe(seconds.filter((one) => Math.max(0, one) <= bound).length);
        }
        expect(buckets.at(-1)?.labels.le).toBe('+Inf');
        expect(samples.find(({ name }) => name === 't_seconds_count')?.value).toBe(seconds.length);
        const sum = seconds.reduce((total, one) => total + Math.max(0, one), 0);
        expect(samples.find(({ name }) => name === 't_seconds_sum')?.value).toBe(sum);
      }),
      { numRuns: 200 },
    );
  });

  test('reads gauges when it is asked; the last registration counts; one that fails hides no other', () => {
    const telemetry = create();
    let value = 1;
    telemetry.gauge('a', () => 0);
    telemetry.gauge('a', () => value);
    telemetry.gauge('b', () => {
      throw new Error('no');
    });
    value = 42;
    expect(parse(telemetry.render()).samples).toEqual([
      { name: 'a', labels: {}, value: 42 },
      { name: 'b', labels: {}, value: Number.NaN },
    ]);
  });

  test('writes log lines as JSON, without secrets, whatever they hold', () => {
    const lines: string[] = [];
    const telemetry = memoryTelemetry({ nowMs: () => NOW_MS, write: (line) => lines.push(line) });
    const fields = {
      Authorization: 'Bearer k',
      nested: { api_key: 'k', cookie: 'k' },
      key: 'k',
      big: 1n,
      error: new Error('bad\nline'),
    };
    telemetry.log('warn', 'a "message"\n', fields);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('\n');
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: new Date(NOW_MS).toISOString(),
      level: 'warn',
      message: 'a "message"\n',
      Authorization: '[redacted]',
      nested: { api_key: '[redacted]', cookie: '[redacted]' },
      key: '[redacted]',
      big: '1',
      error: 'Error: bad\nline',
    });
  });
});

test('GET /metrics is valid, and never holds what a client wrote', async () => {
  const edge = createEdge();
  await edge.push(pushOf('canary-client', 2), { key: await edge.key({ tenant: 'canary-tenant' }) });
  await edge.send('GET', '/canary-path');
  await edge.push({ client_id: 'canary', metrics: [{ name: 'canary', value: 'x' }] }, { key: await edge.key() });
  const response = await edge.send('GET', '/metrics');
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  expect(text).not.toContain('canary');
  const { samples } = parse(text);
  const value = (name: string, labels: Record<string, string>): number | undefined =>
    samples.find((sample) => sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels))?.value;
  expect(value('metricstream_requests_total', { route: 'other', status: '404' })).toBe(1);
  expect(value('metricstream_samples_rejected_total', { reason: 'invalid_value' })).toBe(1);
  expect(value('metricstream_pushes_total', { outcome: 'all_rejected' })).toBe(1);
});
