/** Numbers of the catalogue and of the reasons stand in stored data: their order is pinned here. */
import { describe, expect, test } from 'vitest';
import { CATALOGUE, catalogueEntry, catalogueNumber } from '../../src/model/catalogue.ts';
import { REJECT_REASONS } from '../../src/model/errors.ts';

const NAMES = [
  'cpu cpu_core cpu_mode',
  'memory_used memory_available memory_cached memory_total memory_used_percent swap_used_percent',
  'disk_used disk_free disk_total disk_used_percent disk_free_percent disk_inodes_free_percent',
  'disk_read_bytes disk_write_bytes disk_reads disk_writes',
  'network_receive_bytes network_transmit_bytes',
  'network_receive_errors network_transmit_errors network_receive_drops network_transmit_drops',
  'load1 load5 load15 uptime_seconds',
].flatMap((line) => line.split(' '));

describe('the catalogue', () => {
  test('begins with these metrics in this order, whatever is appended', () => {
    expect(CATALOGUE.slice(0, NAMES.length).map((entry) => entry.name)).toEqual(NAMES);
  });

  test('gives each name its place, and a custom name none', () => {
    NAMES.forEach((name, number) => {
      expect(catalogueNumber(name)).toBe(number);
    });
    expect(catalogueNumber('queue_depth')).toBe(-1);
    expect(catalogueEntry('queue_depth')).toBeUndefined();
    expect(catalogueEntry('constructor')).toBeUndefined();
  });

  test('keeps the units and kinds of the metrics, which stored shapes leave out', () => {
    const units = Object.fromEntries(CATALOGUE.map(({ name, unit }) => [name, unit]));
    expect(units).toMatchObject({ cpu: 'percent', memory_used: 'bytes', disk_reads: 'per_second', load1: 'count' });
    expect(units).toMatchObject({ disk_read_bytes: 'bytes_per_second', uptime_seconds: 'seconds', swap_used_percent: 'percent' });
    expect(CATALOGUE.slice(0, NAMES.length).every(({ kind }) => kind === 'gauge')).toBe(true);
  });
});

test('reasons of rejection begin with these in this order, whatever is appended', () => {
  const reasons =
    'invalid_metric invalid_name invalid_value invalid_timestamp invalid_labels invalid_unit invalid_kind reserved_label ' +
    'too_many_labels unit_mismatch out_of_range sample_too_old sample_in_future series_limit';
  expect(REJECT_REASONS.slice(0, 14)).toEqual(reasons.split(' '));
});
