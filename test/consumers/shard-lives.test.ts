/** What is read does not depend on when the shard sealed, stopped or died: the same history gives the same answers, bit for bit. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectExactly, expectSame, history, live } from './histories.ts';
import { type Lab, openLab, RETENTION } from './lab.ts';
import { windowsIn } from './shapes.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Shrinking a history takes longer than a test may; the seed that is printed brings it back. */
const RUNS = { numRuns: 30, endOnFailure: true };

/** What the sink was told of each client and minute, as texts. */
const told = (lab: Lab): string[] =>
  lab.closed.map(({ client, startMs, columns }) => JSON.stringify([client, startMs, windowsIn(columns)])).sort();

describe('a shard', () => {
  test('answers with exactly the windows of the samples that were pushed, while they are open, closed, sealed and bundled', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const lab = await openLab();
        const sent = await live(lab, steps, async (how) => {
          if (how === 0) await lab.restart();
        });
        await expectExactly(lab, sent);
      }),
      RUNS,
    );
  });

  test('that stops and starts again answers as one that was left alone, revisions and counts too', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const left = await openLab();
        const stopped = await openLab();
        await live(left, steps, async () => undefined);
        await live(stopped, steps, () => stopped.restart());
        await expectSame(stopped, left);
        expect(told(stopped)).toEqual(told(left));
        expect(new Set(told(left)).size).toBe(left.closed.length);
      }),
      RUNS,
    );
  });

  test('that dies at any moment answers as one that was left alone, revisions and counts too', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const left = await openLab();
        // The log is cut as short as it may be: what is not sealed has to be in it still.
        const killed = await openLab({ retention: { ...RETENTION, logMs: 0 } });
        await live(left, steps, async () => undefined);
        await live(killed, steps, (how) => (how === 0 ? killed.restart() : killed.crash()));
        await expectSame(killed, left);
        expect(new Set(told(killed))).toEqual(new Set(told(left)));
      }),
      RUNS,
    );
  });

  test('that seals at once for want of memory answers as one that has all it wants', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const roomy = await openLab();
        const cramped = await openLab({ headBytesMax: 3_300 });
        await live(roomy, steps, async () => undefined);
        await live(cramped, steps, async () => undefined);
        await expectSame(cramped, roomy);
      }),
      RUNS,
    );
  });

  test('answers any range with exactly the samples and windows that begin in it', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(30 * HOUR_MS), fc.nat(6 * HOUR_MS), async (steps, backMs, spanMs) => {
        const lab = await openLab();
        await live(lab, steps, (how) => (how === 0 ? lab.restart() : lab.clock.advance(1_000)));
        const startMs = lab.clock.nowMs() - backMs;
        const endMs = startMs + spanMs;
        const inRange = (ms: unknown): boolean => Number(ms) >= startMs && Number(ms) < endMs;
        for (const client of ['web-1', 'web-2']) {
          for (const resolution of ['1m', '1h'] as const) {
            for (const open of [true, false]) {
              const all = await lab.windows(client, { resolution, open });
              const ranged = await lab.windows(client, { resolution, open, startMs, endMs });
              expect(ranged).toEqual(all.filter(({ start }) => inRange(start)));
            }
          }
          const samples = await lab.samples(client);
          expect(await lab.samples(client, startMs, endMs)).toEqual(samples.filter(([, ms]) => inRange(ms)));
        }
      }),
      RUNS,
    );
  });
});
