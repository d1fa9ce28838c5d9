/** The list of hosts says what is known, sums it up exactly, and finds what is searched. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ClientAnswer } from '../../../src/edge/dashboard/answers.ts';
import { completeness } from '../../../src/edge/dashboard/completeness.ts';
import { createFleet, type Fleet, type Selection, selectHosts } from '../../../src/edge/dashboard/fleet.ts';
import { REJECT_REASONS } from '../../../src/model/errors.ts';

const NOW_MS = 1_000_000;
const MINUTE_MS = 60_000;

function client(id: string, change: Partial<ClientAnswer> = {}): ClientAnswer {
  return {
    client_id: id,
    last_seen: NOW_MS,
    pushes: { expected: 10, received: 10, duplicate: 0, late: 0 },
    samples: { stored: 100, duplicate: 0, conflict: 0, rejected: {} },
    ...change,
  };
}

describe('hosts', () => {
  let fleet: Fleet;
  beforeEach(() => {
    fleet = createFleet();
    fleet.takeClients([
      client('web-1', { datacenter: 'fra1' }),
      client('web-2'),
      client('web-10', { last_seen: NOW_MS - 10 * MINUTE_MS }),
    ]);
  });
  const ids = (change: Partial<Selection> = {}): string[] =>
    selectHosts(
      fleet.hosts.values(),
      { search: '', freshness: undefined, sort: 'name', descending: false, ...change },
      NOW_MS,
    ).map(({ id }) => id);
  const live = (id: string, values: Record<string, number>) => ({
    client_id: id,
    sample_ms: NOW_MS,
    seen_ms: NOW_MS,
    keys: Object.keys(values),
    values: Object.values(values),
  });

  test('are in the order in which people count', () => {
    expect(ids()).toEqual(['web-1', 'web-2', 'web-10']);
    expect(ids({ descending: true })).toEqual(['web-10', 'web-2', 'web-1']);
  });

  test('without a value come last, whichever way they are sorted', () => {
    fleet.takeLive([live('web-2', { cpu: 5 }), live('web-10', { cpu: 50 })]);
    expect(ids({ sort: 'cpu', descending: true })).toEqual(['web-10', 'web-2', 'web-1']);
    expect(ids({ sort: 'cpu' })).toEqual(['web-2', 'web-10', 'web-1']);
  });

  test('are found by every word, in name, datacenter or environment', () => {
    expect(ids({ search: 'WEB fra' })).toEqual(['web-1']);
    expect(ids({ search: 'web-1' })).toEqual(['web-1', 'web-10']);
    expect(ids({ freshness: 'silent' })).toEqual(['web-10']);
  });

  test('take the fullest disk and the sum of the interfaces from the live feed', () => {
    fleet.takeLive([
      live('web-1', {
        'disk_used_percent{device=a,mount=/}': 20,
        'disk_used_percent{device=b,mount=/var}': 90,
        'network_receive_bytes{interface=a}': 1,
        'network_receive_bytes{interface=b}': 2,
        cpu_core: 3,
      }),
    ]);
    expect(fleet.hosts.get('web-1')).toMatchObject({
      disk: { percent: 90, mount: '/var' },
      received: 3,
      transmitted: undefined,
      cpu: undefined,
    });
  });

  test('keep what a push does not bring', () => {
    fleet.takeLive([live('web-1', { cpu: 5, memory_used_percent: 40 })]);
    fleet.takeLive([live('web-1', { queue_depth: 1 })]);
    expect(fleet.hosts.get('web-1')).toMatchObject({ cpu: 5, memory: 40 });
  });

  test('start with the newest window, which never replaces a live value', () => {
    const windows = (value: number) => ({
      ...{ start: 0, step: MINUTE_MS },
      series: [{ client_id: 'web-1', metric: 'cpu', labels: {}, unit: 'percent', avg: [1, value, null], min: [], max: [] }],
    });
    fleet.takeWindows([windows(7)]);
    expect(fleet.hosts.get('web-1')?.cpu).toBe(7);
    fleet.takeLive([live('web-1', { cpu: 8 })]);
    fleet.takeWindows([windows(7)]);
    expect(fleet.hosts.get('web-1')?.cpu).toBe(8);
  });

  test('that are new are told, and those that are forgotten go', () => {
    expect(fleet.takeLive([live('web-1', { cpu: 1 })])).toBe(false);
    expect(fleet.takeLive([live('db-1', { cpu: 1 })])).toBe(true);
    fleet.takeClients([client('web-1')]);
    // The ledger's answer may be older than the push that brought db-1.
    expect([...fleet.hosts.keys()]).toEqual(['web-1', 'db-1']);
  });

  test('are summed up to the push and the sample', () => {
    fleet.takeClients([
      client('web-1', { pushes: { expected: 10, received: 8, duplicate: 2, late: 1 } }),
      client('web-2', { samples: { stored: 7, duplicate: 3, conflict: 0, rejected: { out_of_range: 2, series_limit: 5 } } }),
      client('curl', { last_seen: NOW_MS - MINUTE_MS, pushes: { expected: 0, received: 0, duplicate: 0, late: 0 } }),
    ]);
    expect(fleet.totals(NOW_MS)).toEqual({
      hosts: { live: 2, stale: 1, silent: 0 },
      expected: 20,
      arrived: 18,
      late: 1,
      stored: 207,
      repeatedPushes: 2,
      repeatedSamples: 3,
      rejected: 7,
      topReason: 'series_limit',
    });
  });
});

describe('the ledger in words', () => {
  const words = (expected: number, received: number, rejected: Record<string, number> = {}) =>
    completeness(
      client('a', {
        pushes: { expected, received, duplicate: 0, late: 0 },
        samples: { stored: 1, duplicate: 0, conflict: 0, rejected },
      }),
    );

  test.each([
    [8_640, 8_640, true, 'All 8,640 pushes have arrived.', '100 %'],
    [8_652, 8_640, false, '12 of 8,652 pushes have not arrived.', '99.861 %'],
    [2, 1, false, '1 of 2 pushes has not arrived.', '50.000 %'],
    [1, 1, true, 'The one push sent has arrived.', '100 %'],
  ])('%d expected, %d received', (expected, received, complete, headline, shareText) => {
    expect(words(expected, received)).toMatchObject({ complete, headline, shareText });
  });

  test('a host that has pushed nothing is not called complete', () => {
    expect(words(0, 0)).toMatchObject({
      complete: false,
      share: undefined,
      shareText: '–',
      headline: 'No push has been counted yet.',
    });
  });

  test('says why samples were rejected, the most frequent reason first, every reason in words', () => {
    const all = Object.fromEntries(REJECT_REASONS.map((reason, index) => [reason, index + 1]));
    const rejected = words(1, 1, all).samples.filter(({ name }) => name === 'Rejected');
    expect(rejected.length).toBe(REJECT_REASONS.length);
    expect(rejected[0]).toMatchObject({ count: REJECT_REASONS.length });
    for (const { note } of rejected) expect(REJECT_REASONS).not.toContain(note);
  });

  test('a reason that the page does not know is shown as it is', () => {
    expect(words(1, 1, { '<b>new</b>': 1, constructor: 2 }).samples.map(({ note }) => note)).toEqual(
      expect.arrayContaining(['<b>new</b>', 'constructor']),
    );
  });
});
