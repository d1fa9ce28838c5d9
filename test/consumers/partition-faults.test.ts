/** What an owner of partitions leaves behind when it ends, found by faults of real processes. */
import { expect, test } from 'vitest';
import { finish } from './lab.ts';
import { START_MS } from './lab.ts';
import { openPartitionedLab } from './partitioned-lab.ts';
import { samplesIn } from './shapes.ts';

test('an owner that ends in order before its first checkpoint leaves in the store what it took', async () => {
  const lab = await openPartitionedLab();
  await lab.push([['cpu', START_MS, 1]]);
  await finish(lab.clock, lab.owner.stop());
  const range = { tenant: 'default', client: 'web-1', startMs: 0, endMs: 4e13, want: undefined };
  expect((await lab.store.readSamples(range)).flatMap(samplesIn)).toEqual([['cpu', START_MS, 0, 1]]);
});
