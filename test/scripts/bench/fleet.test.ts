/** The simulated hosts: every request they make is what an agent could have sent. */
import { describe, expect, test } from 'vitest';
import { createFleet, type Fleet, METRICS_PER_PUSH, realClock, simulatedClock } from '../../../scripts/bench/fleet.ts';
import { METRICS, xorshift32 } from '../../../scripts/bench/host-values.ts';
import { catalogueEntry } from '../../../src/model/catalogue.ts';
import { parsePushId } from '../../../src/model/push.ts';

const START_MS = 1_763_910_720_000;
const CLIENTS = 7;

function fleetOf(clock: (random: () => number) => ReturnType<typeof realClock>): Fleet {
  const random = xorshift32(1);
  const target = { host: '127.0.0.1:8787', key: 'secret' };
  return createFleet({ target, clients: CLIENTS, prefix: 'host', clock: clock(random), random, bootId: () => 'boot' });
}

const simulated = (): Fleet => fleetOf((random) => simulatedClock(START_MS, 10_000, CLIENTS, random));

interface Parsed {
  readonly headers: Headers;
  readonly body: {
    client_id: string;
    metrics: { name: string; value: number; unit: string; labels?: object; timestamp: number }[];
  };
}

function parse(request: Uint8Array): Parsed {
  const [head = '', body = ''] = new TextDecoder().decode(request).split('\r\n\r\n');
  const [line, ...fields] = head.split('\r\n');
  expect(line).toBe('POST /metrics HTTP/1.1');
  const headers = new Headers(fields.map((field): [string, string] => [field.split(': ')[0] ?? '', field.split(': ')[1] ?? '']));
  expect(headers.get('content-length')).toBe(String(body.length));
  return { headers, body: JSON.parse(body) };
}

describe('fleet', () => {
  test('push ids are dense from 0, also where a sequence gains a digit', () => {
    const fleet = simulated();
    for (let sequence = 0; sequence < 1_001; sequence += 1) {
      const key = parse(fleet.nextRequest(3)).headers.get('idempotency-key') ?? '';
      expect(parsePushId(key, undefined)).toMatchObject({ boot: 'boot', sequence });
    }
  });

  test('every metric is in the catalogue, with its unit, within its range and with labels that it has', () => {
    const fleet = simulated();
    for (let i = 0; i < 500; i += 1) {
      const { metrics } = parse(fleet.nextRequest(i % CLIENTS)).body;
      expect(metrics).toHaveLength(METRICS_PER_PUSH);
      for (const { name, value, unit, labels = {} } of metrics) {
        const entry = catalogueEntry(name);
        expect([unit, Object.keys(labels)]).toEqual([entry?.unit, entry?.labels]);
        expect(value).toBeGreaterThanOrEqual(entry?.min ?? Number.NaN);
        expect(value).toBeLessThanOrEqual(entry?.max ?? Number.NaN);
      }
    }
  });

  test('values walk: each moves within a hundred pushes', () => {
    const fleet = simulated();
    const seen = METRICS.map(() => new Set<number>());
    for (let i = 0; i < 100; i += 1) {
      for (const [at, { value }] of parse(fleet.nextRequest(0)).body.metrics.entries()) seen[at]?.add(value);
    }
    for (const values of seen) expect(values.size).toBeGreaterThan(1);
  });

  test('simulated hosts push six times in every minute, each at its own phase, and repeat no timestamp', () => {
    const fleet = simulated();
    const firsts = new Set<number>();
    for (let client = 0; client < CLIENTS; client += 1) {
      const minutes = new Map<number, number>();
      for (let i = 0; i < 60; i += 1) {
        const times = parse(fleet.nextRequest(client)).body.metrics.map(({ timestamp }) => timestamp);
        expect(new Set(times).size).toBe(1);
        const [timeMs = Number.NaN] = times;
        if (i === 0) firsts.add(timeMs - START_MS);
        minutes.set(Math.floor(timeMs / 60_000), (minutes.get(Math.floor(timeMs / 60_000)) ?? 0) + 1);
      }
      expect([...minutes.values()]).toEqual(Array(10).fill(6));
    }
    expect(firsts.size).toBe(CLIENTS);
    expect([fleet.pushes, fleet.repeats]).toEqual([CLIENTS * 60, 0]);
  });

  test('a real clock never repeats a timestamp of a client, however fast it pushes', () => {
    const fleet = fleetOf(realClock);
    for (let i = 0; i < 1_000; i += 1) fleet.nextRequest(0);
    expect(fleet.repeats).toBe(0);
  });

  test('a clock that stands still is seen', () => {
    const fleet = fleetOf(() => () => START_MS);
    for (let i = 0; i < 10; i += 1) fleet.nextRequest(0);
    expect(fleet.repeats).toBe(9);
  });
});
