/** A shard in a Durable Object that is evicted, aborted, and billed by the row. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { durableObjectSqlDatabase } from '../../src/adapters/durable-objects/sql-database.ts';
import { type Lab, openLab, START_MS } from '../consumers/lab.ts';
import type { Sample } from '../consumers/shapes.ts';
import { lender } from './borrowed-storage.ts';

interface Rows {
  written: number;
}

/** One life of a shard in an object: what `body` answers. */
function life<T>(id: DurableObjectId, startMs: number, body: (lab: Lab, rows: Rows) => Promise<T>): Promise<T> {
  return runInDurableObject(lender(id), async (_, { storage }) => {
    const rows: Rows = { written: 0 };
    const onRows = (_read: number, written: number): void => {
      rows.written += written;
    };
    return body(await openLab({ startMs, database: durableObjectSqlDatabase({ storage, onRows }) }), rows);
  });
}

const samplesAt = (ms: number, value: number): Sample[] => [
  ['cpu', ms, value],
  ['load1', ms, value / 10],
];

/** Twenty minutes of pushes, ten seconds apart. @returns when the last was made. */
async function pushAWhile(lab: Lab): Promise<number> {
  for (let i = 0; i < 120; i++) {
    await lab.push(samplesAt(lab.clock.nowMs(), i % 7), { pushId: { boot: 'b', sequence: i, previous: undefined } });
    await lab.clock.advance(10_000);
  }
  return lab.clock.nowMs();
}

async function readAll(lab: Lab) {
  const [status] = await lab.shard.reader.clients('default');
  return {
    samples: await lab.samples(),
    minutes: await lab.windows(),
    hours: await lab.windows('web-1', { resolution: '1h' }),
    pushes: status?.pushes,
  };
}

describe('a shard in a Durable Object', () => {
  test('answers after an eviction as before it', async () => {
    const id = env.LENDER.newUniqueId();
    const before = await life(id, START_MS, async (lab) => ({ nowMs: await pushAWhile(lab), answers: await readAll(lab) }));
    await evictDurableObject(lender(id));
    const after = await life(id, before.nowMs, readAll);
    expect(after).toEqual(before.answers);
    expect(after.samples.length).toBe(240);
    expect(after.pushes).toMatchObject({ expected: 120, received: 120, duplicate: 0 });
  });

  test('holds after an abort what it had acknowledged, and knows its repeat', async () => {
    const id = env.LENDER.newUniqueId();
    const push = samplesAt(START_MS, 5);
    const fields = { pushId: { boot: 'b', sequence: 0, previous: undefined } };
    await life(id, START_MS, (lab) => lab.push(push, fields));
    await expect(runInDurableObject(lender(id), (_, state) => state.abort('as a crash does'))).rejects.toThrow();
    const again = await life(id, START_MS + 1_000, async (lab) => {
      const repeated = await lab.push(push, fields);
      return { repeated, answers: await readAll(lab) };
    });
    expect(again.repeated).toMatchObject({ kind: 'appended', duplicate: true });
    expect(again.answers.samples.length).toBe(2);
  });

  test('writes one row for a commit', async () => {
    const written = await life(env.LENDER.newUniqueId(), START_MS, async (lab, rows) => {
      await lab.push(samplesAt(START_MS, 1));
      const before = rows.written;
      for (let i = 1; i <= 10; i++) await lab.push(samplesAt(START_MS + i, 1));
      return rows.written - before;
    });
    expect(written).toBe(10);
  });
});
