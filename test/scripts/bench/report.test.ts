/** The report: what it says of a result, when it warns, and that it leaves the rest of a README alone. */
import { describe, expect, test } from 'vitest';
import type { Check, Measurement } from '../../../scripts/bench/measure.ts';
import { isSound, renderMarkdown, replaceBetweenMarkers } from '../../../scripts/bench/report.ts';
import { type BenchResult, medianOf, mergeResults } from '../../../scripts/bench/result.ts';

const MEASUREMENT: Measurement = {
  seconds: 10,
  pushes: 205_000,
  pushesPerSecond: 20_500,
  p50Ms: 2.31,
  p99Ms: 6.4,
  p999Ms: 12,
  maxMs: 31,
  cpuUsPerPush: 38.25,
  cpuShare: 0.784,
  rssBytesMax: 150 * 2 ** 20,
  limited: 0,
  failed: 0,
  generatorUsPerPush: 11.2,
  stolenCores: 0.25,
};
const COUNTED = { clients: 1, pushesDuplicate: 0, samplesRepeated: 0, samplesRejected: 0 };
const EXACT: Check = {
  sent: { pushes: 7, samples: 70, repeats: 0 },
  counted: { ...COUNTED, pushesReceived: 7, samplesStored: 70 },
  catchUpMs: 3,
  exact: true,
};
const RESULT: BenchResult = {
  machine: {
    processor: 'P',
    cores: 2,
    memoryBytes: 2 ** 34,
    kernel: '6.1',
    bun: '1.4',
    fileSystem: 'ext4 on /dev/vda',
    commit: 'abc',
  },
  date: '2026-11-24T01:02:03.000Z',
  closed: [
    {
      connections: 50,
      clients: 1_000,
      clock: 'real',
      serverFlags: '--head-max 1GiB',
      windows: { closed: 60, corrected: 6 },
      median: MEASUREMENT,
      runs: [MEASUREMENT],
      checks: [EXACT],
      stored: { bodyBytes: 70, diskBytes: 91, samples: 70 },
    },
  ],
};

function withRun(change: Partial<Measurement>, check: Partial<Check> = {}): BenchResult {
  const closed = (RESULT.closed ?? []).map((section) => ({
    ...section,
    runs: [{ ...MEASUREMENT, ...change }],
    checks: [{ ...EXACT, ...check }],
  }));
  return { ...RESULT, closed };
}

describe('report', () => {
  test('names the machine, and a row for each load', () => {
    const markdown = renderMarkdown(RESULT);
    expect(markdown).toContain('Measured on 2026-11-24 at commit abc: P, 2 cores');
    expect(markdown).toContain('| 20,500 | 2.3 ms | 6.4 ms | 38.3 µs | 78.4 % | 150 MiB | 1.00 B (1.30 B) | 11.2 µs | 0.25 |');
    expect(markdown).toContain('0 repeats in 7 pushes');
  });

  test('sets the bare server beside the loads, and says that it keeps nothing', () => {
    const markdown = renderMarkdown({
      ...RESULT,
      bare: { connections: 50, closed: MEASUREMENT, steady: MEASUREMENT, hosts: MEASUREMENT },
    });
    expect(markdown).toContain('| a bare server, which only reads, parses and fsyncs: closed loop, 50 connections | 20,500 |');
    expect(markdown).toContain('| 150 MiB | – | 11.2 µs |');
  });

  test('says when the server had other settings than its defaults, and what became of the windows', () => {
    expect(renderMarkdown(RESULT)).toContain(
      'real clock (median of 1 × 10 s, 60 windows closed, 6 corrected, server with `--head-max 1GiB`)',
    );
  });

  test('an aim that was missed is said to be missed', () => {
    const slow = {
      ...RESULT,
      closed: RESULT.closed?.map((section) => ({ ...section, median: { ...MEASUREMENT, cpuUsPerPush: 46 } })),
    };
    expect(renderMarkdown(RESULT)).toContain('| CPU a push at 50 connections | ≤ 45 µs | 38.3 µs | yes |');
    expect(renderMarkdown(slow)).toContain('| CPU a push at 50 connections | ≤ 45 µs | 46.0 µs | **no** |');
  });

  test('refused pushes and counts that do not agree make a result unsound, and show', () => {
    expect(isSound(RESULT)).toBe(true);
    expect(isSound(withRun({ limited: 1 }))).toBe(false);
    expect(isSound(withRun({ failed: 1 }))).toBe(false);
    expect(isSound(withRun({}, { exact: false }))).toBe(false);
    expect(renderMarkdown(withRun({}, { exact: false }))).toContain('**1 of 1 counts do not agree.**');
  });

  test('only what stands between the markers of a README is replaced', () => {
    const readme = 'before\n<!-- bench:start -->\nold\n<!-- bench:end -->\nbehind\n';
    expect(replaceBetweenMarkers(readme, 'new')).toBe('before\n<!-- bench:start -->\nnew\n<!-- bench:end -->\nbehind\n');
    expect(() => replaceBetweenMarkers('none', 'new')).toThrow('needs');
  });
});

describe('result', () => {
  test('sections of one machine and commit stay beside each other; those of another go', () => {
    const next: BenchResult = { machine: RESULT.machine, date: '2026-11-25T00:00:00.000Z' };
    expect(mergeResults(RESULT, next)).toEqual({ ...RESULT, date: next.date });
    const other = { ...next, machine: { ...RESULT.machine, commit: 'def' } };
    expect(mergeResults(RESULT, other)).toEqual(other);
  });

  test('medians are taken field by field', () => {
    const runs = [1, 3, 2].map((pushesPerSecond) => ({ ...MEASUREMENT, pushesPerSecond, p99Ms: 10 - pushesPerSecond }));
    expect(medianOf(runs)).toMatchObject({ pushesPerSecond: 2, p99Ms: 8 });
  });
});
