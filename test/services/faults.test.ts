/** The faults that tell most, on three brokers and an InfluxDB of their own: nothing acknowledged is lost, nothing counts twice. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAULTS } from '../../scripts/faults/catalogue.ts';
import { runFault } from '../../scripts/faults/run.ts';
import { openSite, type Site } from '../../scripts/faults/site.ts';

let dir: string;
let site: Site;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'metricstream-faults-'));
  site = await openSite(dir);
});

afterAll(async () => {
  await site.close();
  rmSync(dir, { recursive: true, force: true });
});

test.each([
  ['a leader of partitions that is killed', 'leader-sigkill'],
  ['a consumer that wakes when others own its partitions', 'consumer-zombie'],
  ['an InfluxDB that is killed', 'influxdb-sigkill'],
  ['a point that InfluxDB refuses', 'influxdb-bad-line'],
])('%s: every acknowledged sample counts once, every other at most once', async (_, name) => {
  const fault = FAULTS.find((one) => one.name === name);
  expect(fault).toBeDefined();
  if (fault === undefined) return;
  const { acknowledged, lost, doubled, wrong } = await runFault(fault, site, { isQuick: true, downMs: 5_000 });
  expect({ lost, doubled, wrong }).toEqual({ lost: 0, doubled: 0, wrong: [] });
  expect(acknowledged).toBeGreaterThan(1_000);
});
