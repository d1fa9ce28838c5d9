/** Reading what processes and the server say of themselves. */
import { describe, expect, test } from 'vitest';
import { fileSystemOf } from '../../../scripts/bench/machine.ts';
import { isExact } from '../../../scripts/bench/measure.ts';
import { cpuSecondsOf, rssBytesOf, stolenSecondsOf } from '../../../scripts/bench/process-usage.ts';
import { metricValue, sumCounts } from '../../../scripts/bench/read-api.ts';

describe('what a process used', () => {
  test('CPU time is user and system time, whatever the command is called', () => {
    const stat = '42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 250 75 3 4 20 0 9 0 100 1 2';
    expect(cpuSecondsOf(stat)).toBe(3.25);
  });

  test('resident memory is in bytes, and 0 for a process that has none', () => {
    expect(rssBytesOf('VmHWM:\t  900 kB\nVmRSS:\t   512 kB\nRssAnon:\t 1 kB\n')).toBe(524_288);
    expect(rssBytesOf('State: Z (zombie)\n')).toBe(0);
  });
});

test('stolen time is the eighth number of the line of all processors', () => {
  expect(stolenSecondsOf('cpu  1 2 3 4 5 6 7 812 9 10\ncpu0 1 2 3 4 5 6 7 400 9 10\n')).toBe(8.12);
  expect(stolenSecondsOf('')).toBe(0);
});

describe('where data lie', () => {
  test('the longest mount that holds the path counts', () => {
    const mounts = '/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/disk xfs rw 0 0\n';
    expect(fileSystemOf('/tmp/disk/data', mounts)).toBe('xfs on /dev/vdb');
    expect(fileSystemOf('/tmp/diskette', mounts)).toBe('tmpfs on tmpfs');
    expect(fileSystemOf('/tmpfile', mounts)).toBe('ext4 on /dev/vda');
  });
});

describe('what the server counted', () => {
  const client = {
    client_id: 'a',
    pushes: { expected: 3, received: 3, duplicate: 0 },
    samples: { stored: 30, duplicate: 0, conflict: 0, rejected: {} },
  };
  const sent = { pushes: 6, samples: 60, repeats: 0 };

  test('is exact only when all that was acknowledged is there once, and nothing else happened', () => {
    expect(isExact(sumCounts([client, client]), sent)).toBe(true);
    expect(isExact(sumCounts([client]), sent)).toBe(false);
    expect(isExact(sumCounts([client, client]), { ...sent, repeats: 1 })).toBe(false);
    const oneRejected = { ...client, samples: { ...client.samples, rejected: { out_of_range: 1 } } };
    expect(isExact(sumCounts([client, oneRejected]), sent)).toBe(false);
    const oneTwice = { ...client, samples: { ...client.samples, duplicate: 1 } };
    expect(isExact(sumCounts([client, oneTwice]), sent)).toBe(false);
  });

  test('a metric is summed over its labels, and not mistaken for one whose name it begins', () => {
    const text = '# TYPE a gauge\na{p="1"} 2\na{p="2"} 3\na_total 100\n';
    expect([metricValue(text, 'a'), metricValue(text, 'a_total'), metricValue(text, 'b')]).toEqual([5, 100, undefined]);
  });
});
