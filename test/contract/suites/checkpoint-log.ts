/** What every checkpoint-log promises: the newest checkpoint, whole, whatever came between. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import type { CheckpointLog, SavedCheckpoint } from '../../../src/ports/checkpoint-log.ts';

export interface OpenedCheckpointLog {
  /** One that has nothing in mind of what another has saved. */
  open(): Promise<CheckpointLog>;
  close(): Promise<void>;
}

function saved(partition: number, generation: number, position: number, bytes = 10): SavedCheckpoint {
  const state = Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + position * 7 + generation) % 251);
  return { generation, checkpoint: { partition, position, safeOffset: Math.max(0, position - 5), state } };
}

/** A host's own kind of bytes is as good as a Uint8Array. */
function plain(one: SavedCheckpoint | undefined): SavedCheckpoint | undefined {
  return one && { ...one, checkpoint: { ...one.checkpoint, state: new Uint8Array(one.checkpoint.state) } };
}

/** @param open gives one with nothing in it, of two partitions. */
export function checkpointLogContract(name: string, open: () => Promise<OpenedCheckpointLog>): void {
  const within = async (body: (opened: OpenedCheckpointLog) => Promise<void>): Promise<void> => {
    const opened = await open();
    try {
      await body(opened);
    } finally {
      await opened.close();
    }
  };
  const part = LIMITS.checkpointPartBytesMax;

  describe(`${name} as a checkpoint-log`, () => {
    test('has nothing at first', () =>
      within(async ({ open: again }) => {
        expect(await (await again()).load(0)).toBeUndefined();
      }));

    test('gives back the newest of each partition, also to who opens it anew, however large it was and becomes', () =>
      within(async ({ open: again }) => {
        const log = await again();
        await log.load(0);
        for (const [i, bytes] of [0, 10, 3 * part + 1, part, 5, 2 * part].entries()) {
          await log.save(saved(0, 1, i, bytes));
          expect(plain(await (await again()).load(0))).toEqual(saved(0, 1, i, bytes));
        }
        await log.save(saved(1, 1, 9));
        expect(plain(await (await again()).load(1))).toEqual(saved(1, 1, 9));
        expect(plain(await (await again()).load(0))).toEqual(saved(0, 1, 5, 2 * part));
      }));

    test('keeps what a later owner saved, though one before it still saves', () =>
      within(async ({ open: again }) => {
        const [first, second] = [await again(), await again()];
        await first.load(0);
        await first.save(saved(0, 1, 100, 2 * part));
        await second.load(0);
        await second.save(saved(0, 2, 90, 2 * part));
        await first.save(saved(0, 1, 120, 2 * part));
        await first.save(saved(0, 1, 130, 2 * part));
        expect(plain(await (await again()).load(0))).toEqual(saved(0, 2, 90, 2 * part));
      }));
  });
}
