/** The collectors on /proc texts of several kernels, and on this machine. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Machine, Reading } from '../../src/agent/collectors/collector.ts';
import { cpuCollector } from '../../src/agent/collectors/cpu.ts';
import { rateKeeper } from '../../src/agent/collectors/rates.ts';
import { COLLECTORS, collectorsFor } from '../../src/agent/collectors/registry.ts';
import { readSystemFacts, type SystemFacts, systemInformationCollector } from '../../src/agent/collectors/system-information.ts';
import { thisMachine } from '../../src/agent/collectors/this-machine.ts';
import { catalogueEntry } from '../../src/model/catalogue.ts';

const FIXTURES = new URL('../fixtures/proc/', import.meta.url);
const FILES: Readonly<Record<string, string>> = { '/proc/net/dev': 'net-dev' };
/** 40 of 100 blocks taken, of the 60 free ones 10 kept for root. */
const BLOCKS = { bsize: 4_096, blocks: 100_000, bfree: 60_000, bavail: 50_000, files: 1_000, ffree: 910 };

/** A machine whose files are those of a fixture: those named `.later` from `elapse` on, 10 s after. */
function fixtureMachine(name: string): Machine & { elapse(): void } {
  let later = false;
  return {
    readText(path) {
      const file = new URL(`${name}/${FILES[path] ?? path.slice('/proc/'.length)}`, FIXTURES);
      const after = new URL(`${file.href}.later`);
      return readFileSync(later && existsSync(after) ? after : file, 'utf8');
    },
    statfs: (path) => Promise.resolve(path === '/boot/efi' ? { ...BLOCKS, files: 0 } : BLOCKS),
    monotonicMs: () => (later ? 10_000 : 0),
    elapse() {
      later = true;
    },
  };
}

async function readAll(machine: Machine & { elapse(): void }): Promise<[first: Reading[], second: Reading[]]> {
  const collectors = [...collectorsFor('linux', machine, []).values()];
  const read = async (): Promise<Reading[]> => (await Promise.all(collectors.map((collect) => collect()))).flat();
  const first = await read();
  machine.elapse();
  return [first, await read()];
}

function lines(readings: readonly Reading[]): string[] {
  return readings.map(({ name, value, labels }) => {
    const pairs = Object.entries(labels ?? {}).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
  });
}

/** Names and labels of the catalogue, values in its range, with no more decimals than the store should have to keep. */
function expectCatalogued(readings: readonly Reading[]): void {
  for (const { name, value, labels } of readings) {
    const entry = catalogueEntry(name);
    expect(entry, name).toBeDefined();
    expect(Object.keys(labels ?? {}).sort(), name).toEqual([...(entry?.labels ?? [])].sort());
    expect(value, name).toBeGreaterThanOrEqual(entry?.min ?? 0);
    expect(value, name).toBeLessThanOrEqual(entry?.max ?? 0);
    expect(Number(value.toFixed(2)), name).toBe(value);
  }
}

describe('on fixtures', () => {
  test.each(readdirSync(FIXTURES))('%s reads as expected', async (name) => {
    const [first, second] = await readAll(fixtureMachine(name));
    expectCatalogued(second);
    expect(lines(second)).toEqual(
      readFileSync(new URL(`${name}/expected`, FIXTURES), 'utf8')
        .trimEnd()
        .split('\n'),
    );
    const instant = (readings: Reading[]): string[] =>
      lines(readings.filter(({ name: metric }) => /^(memory|swap|load|uptime|disk_(used|free|total|inodes))/.test(metric)));
    expect(lines(first)).toEqual(instant(second));
  });
});

describe('cpu', () => {
  const machine = (texts: string[], times: number[]): Machine => ({
    ...thisMachine(),
    readText: () => texts.shift() ?? '',
    monotonicMs: () => times.shift() ?? 0,
  });

  test('a core whose counters fell has no reading until the next, and the others have', () => {
    const texts = ['cpu0 100 0 0 100 0 0 0 0\ncpu1 5 0 0 5 0 0 0 0', 'cpu0 50 0 0 300 0 0 0 0\ncpu1 10 0 0 10 0 0 0 0'];
    const collect = cpuCollector(machine([...texts, 'cpu0 150 0 0 600 0 0 0 0'], [0, 1_000, 2_000]));
    collect();
    expect(lines(collect() as Reading[])).toEqual(['cpu_core{core="1"} 50']);
    expect(lines(collect() as Reading[])).toEqual(['cpu_core{core="0"} 25']);
  });

  test('no tick, no reading', () => {
    const text = 'cpu  1 2 3 4 5 6 7 8 9 10';
    const collect = cpuCollector(machine([text, text], [0, 1_000]));
    collect();
    expect(collect()).toEqual([]);
  });
});

describe('rates', () => {
  test('the first reading has none, a new thing has none, a fallen counter has none and the others have', () => {
    const rates = rateKeeper();
    expect(rates(0, new Map([['a', [10, 10]]]))).toEqual(new Map());
    const second = new Map([
      ['a', [30, 5]],
      ['b', [1, 1]],
    ]);
    expect(rates(2_000, second)).toEqual(new Map([['a', [10, undefined]]]));
    expect(rates(3_000, new Map([['b', [4, 1]]]))).toEqual(new Map([['b', [3, 0]]]));
    expect(rates(4_000, new Map([['a', [100, 100]]]))).toEqual(new Map());
  });

  test('over less than half a second there is none, and the next one spans both', () => {
    const rates = rateKeeper();
    rates(0, new Map([['a', [0]]]));
    expect(rates(499, new Map([['a', [5]]]))).toEqual(new Map());
    expect(rates(1_000, new Map([['a', [10]]]))).toEqual(new Map([['a', [10]]]));
  });
});

describe('registry', () => {
  test('leaves out what it is told to, and refuses a name that it does not know', () => {
    const names = COLLECTORS.filter(({ linux }) => linux).map(({ name }) => name);
    expect([...collectorsFor('linux', thisMachine(), ['cpu']).keys()]).toEqual(names.slice(1));
    expect(() => collectorsFor('linux', thisMachine(), ['gpu'])).toThrow('"gpu"');
  });

  test('elsewhere than on Linux there is systeminformation', () => {
    expect([...collectorsFor('darwin', thisMachine(), []).keys()]).toEqual(['system-information']);
  });
});

test('systeminformation gives the same names, and rates from its counters', async () => {
  const facts = JSON.parse(
    readFileSync(new URL('../fixtures/system-information.json', import.meta.url), 'utf8'),
  ) as SystemFacts[];
  let nowMs = 0;
  const collect = systemInformationCollector(
    async () => facts.shift() as SystemFacts,
    () => nowMs,
  );
  const first = await collect();
  nowMs = 10_000;
  const second = await collect();
  expectCatalogued([...first, ...second]);
  expect(lines(second).slice(first.length)).toEqual([
    'disk_read_bytes{device="all"} 409.6',
    'disk_write_bytes{device="all"} 8192',
    'disk_reads{device="all"} 1',
    'disk_writes{device="all"} 2.5',
    'network_receive_bytes{interface="en0"} 1000',
    'network_transmit_bytes{interface="en0"} 123.4',
    'network_receive_errors{interface="en0"} 0.1',
    'network_transmit_errors{interface="en0"} 0',
    'network_receive_drops{interface="en0"} 0',
    'network_transmit_drops{interface="en0"} 0.2',
  ]);
  expect(lines(first)).toContain('memory_used_percent 62.5');
});

describe('on this machine', () => {
  test('the collectors of this platform read what the catalogue allows', async () => {
    const collectors = [...collectorsFor(process.platform, thisMachine(), []).values()];
    for (const collect of collectors) await collect();
    await new Promise((resolve) => setTimeout(resolve, 600));
    const readings = (await Promise.all(collectors.map((collect) => collect()))).flat();
    expectCatalogued(readings);
    const names = new Set(readings.map(({ name }) => name));
    for (const name of ['cpu', 'memory_used_percent', 'disk_used_percent', 'uptime_seconds']) expect(names).toContain(name);
  });

  test('systeminformation answers here too', async () => {
    const collect = systemInformationCollector(readSystemFacts, thisMachine().monotonicMs);
    const readings = (await collect()).filter(({ value }) => Number.isFinite(value));
    expectCatalogued(readings);
    expect(readings.map(({ name }) => name)).toContain('memory_used_percent');
  });
});
