/** The contract of the checkpoint-store port. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import type { CheckpointStore } from '../../../src/ports/checkpoint-store.ts';
import type { StoreBatch, TimeSeriesStore } from '../../../src/ports/time-series-store.ts';
import { batch, CPU, HOUR, minuteWrite, rawWrite, samplesOf, windowColumn, windowsOf } from './stored.ts';

const NOTHING: StoreBatch = { raw: [], windows: [] };

/** @param create answers an empty checkpoint store each time, with the store that its batches go to. */
export function describeCheckpointStore(
  name: string,
  create: () => { readonly checkpoints: CheckpointStore; readonly store: TimeSeriesStore },
): void {
  describe(`checkpoint-store: ${name}`, () => {
    test('a partition without a checkpoint has none', async () => {
      const { checkpoints } = create();
      await checkpoints.commit({ partition: 1, position: 5, safeOffset: 3, state: Uint8Array.of(1) }, NOTHING);
      expect(await checkpoints.load(0)).toBeUndefined();
    });

    test('the last checkpoint of each partition is loaded', async () => {
      const { checkpoints } = create();
      for (const [partition, position] of [
        [0, 1],
        [11, 2],
        [0, 9_007_199_254_740_991],
        [11, 3],
      ] as const) {
        await checkpoints.commit(
          { partition, position, safeOffset: position - 1, state: Uint8Array.of(partition, position % 7) },
          NOTHING,
        );
      }
      expect(await checkpoints.load(11)).toEqual({ partition: 11, position: 3, safeOffset: 2, state: Uint8Array.of(11, 3) });
      expect((await checkpoints.load(0))?.position).toBe(9_007_199_254_740_991);
    });

    test('a state of any size comes back as it was, also after a larger and a smaller one', async () => {
      const { checkpoints } = create();
      const part = LIMITS.checkpointPartBytesMax;
      for (const [position, length] of [0, 1, part, part + 1, 3 * part + 5, 2 * part, part - 1, 0].entries()) {
        const state = Uint8Array.from({ length }, (_, place) => (place * 31 + position) % 251);
        await checkpoints.commit({ partition: 0, position, safeOffset: 0, state }, NOTHING);
        const loaded = await checkpoints.load(0);
        expect(loaded?.position).toBe(position);
        expect(loaded?.state.length).toBe(length);
        expect(loaded?.state.every((byte, place) => byte === state[place])).toBe(true);
      }
    });

    test('the state is copied: what the caller does with its bytes later changes nothing', async () => {
      const { checkpoints } = create();
      const state = Uint8Array.of(1, 2, 3);
      await checkpoints.commit({ partition: 0, position: 1, safeOffset: 1, state }, NOTHING);
      state.fill(9);
      expect((await checkpoints.load(0))?.state).toEqual(Uint8Array.of(1, 2, 3));
    });

    test('a batch is in the store when its checkpoint is', async () => {
      const { checkpoints, store } = create();
      const writes = batch(
        rawWrite('web-1', 4, [[HOUR, 1, undefined]]),
        minuteWrite('web-1', HOUR, [windowColumn(CPU, [HOUR], 1)]),
      );
      await checkpoints.commit({ partition: 0, position: 4, safeOffset: 4, state: Uint8Array.of(1) }, writes);
      const range = { tenant: 'acme', client: 'web-1', startMs: HOUR, endMs: HOUR + 1, want: undefined };
      expect(samplesOf(await store.readSamples(range))).toEqual([['cpu', HOUR, 1]]);
      expect(windowsOf(await store.readWindows(range, '1m'))).toEqual([[HOUR, 'cpu', HOUR, 1.1, 1]]);
    });

    test('a checkpoint behind the stored one is refused with its batch; at the same position it is taken', async () => {
      const { checkpoints, store } = create();
      await checkpoints.commit({ partition: 0, position: 10, safeOffset: 8, state: Uint8Array.of(1) }, NOTHING);
      const late = checkpoints.commit(
        { partition: 0, position: 9, safeOffset: 9, state: Uint8Array.of(2) },
        batch(rawWrite('web-1', 4, [[HOUR, 1, 1]])),
      );
      await expect(late).rejects.toMatchObject({ code: 'internal' });
      expect(await checkpoints.load(0)).toEqual({ partition: 0, position: 10, safeOffset: 8, state: Uint8Array.of(1) });
      expect(await store.lastSampleMs('acme', 'web-1')).toBeUndefined();
      await checkpoints.commit({ partition: 0, position: 10, safeOffset: 9, state: Uint8Array.of(3) }, NOTHING);
      expect((await checkpoints.load(0))?.safeOffset).toBe(9);
    });
  });
}
