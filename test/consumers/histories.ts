/** Random histories of a few clients: what is pushed when, how late, how often, and what happens to the shard in between. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Lab } from './lab.ts';
import { setOf, windowsOf, withoutRevisions } from './sample-set.ts';
import type { PushFields, Sample } from './shapes.ts';

export const CLIENTS = ['web-1', 'web-2'] as const;

export type Step =
  | {
      readonly kind: 'push';
      readonly client: string;
      readonly agoMs: number;
      readonly names: readonly string[];
      readonly value: number;
      readonly spreadMs: number;
      readonly stamped: boolean;
    }
  /** The push that was `back` before, again. */
  | { readonly kind: 'repeat'; readonly back: number }
  /** The clock goes on, and everything that falls due happens. */
  | { readonly kind: 'wait'; readonly ms: number }
  /** A hole in time: the machine slept. */
  | { readonly kind: 'sleep'; readonly ms: number }
  /** Something befalls the shard, or, for a shard that is left alone, nothing. */
  | { readonly kind: 'disturb'; readonly how: number };

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Whole seconds: labs that started at different times then look at their clocks at the same times. */
const seconds = (most: number): fc.Arbitrary<number> => fc.nat(Math.floor(most / 1_000)).map((count) => count * 1_000);

const agoMs = fc.oneof(
  { weight: 8, arbitrary: seconds(15_000) },
  { weight: 2, arbitrary: seconds(5 * MINUTE_MS) },
  { weight: 1, arbitrary: seconds(5 * MINUTE_MS).map((ms) => -ms) },
  { weight: 2, arbitrary: seconds(3 * HOUR_MS) },
  { weight: 1, arbitrary: seconds(24 * HOUR_MS) },
);
const push = fc.record({
  kind: fc.constant('push' as const),
  client: fc.constantFrom(...CLIENTS),
  agoMs,
  names: fc.subarray(['cpu', 'load1', 'queue'], { minLength: 1 }),
  value: fc.constantFrom(0, -0, 0.1, 1, 7, 1e15 + 0.3),
  spreadMs: fc.constantFrom(0, 0, 0, 1, 45_000),
  stamped: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: push },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('repeat' as const), back: fc.nat(9) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.oneof(seconds(20_000), seconds(4 * MINUTE_MS)) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constant(11 * MINUTE_MS) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('sleep' as const), ms: fc.oneof(seconds(5 * HOUR_MS), seconds(30 * HOUR_MS)) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('disturb' as const), how: fc.nat(5) }) },
);
export const history = fc.array(step, { minLength: 1, maxLength: 60, size: 'max' });

/** One without samples from the future: what closes when then depends on the pushes alone, not on the ticks between them. */
export const pastHistory = history.map((steps) =>
  steps.map((one) => (one.kind === 'push' ? { ...one, agoMs: Math.max(one.agoMs, 2 * one.spreadMs) } : one)),
);

interface Sent {
  readonly samples: readonly Sample[];
  readonly fields: PushFields;
}

/** Walks a history through a lab. @param disturb what a disturbance does. @returns every sample that was merged. */
export async function live(lab: Lab, steps: readonly Step[], disturb: (how: number) => Promise<void>): Promise<Sent[]> {
  const sent: Sent[] = [];
  const merged: Sent[] = [];
  const sequences = new Map<string, number>();
  for (const one of steps) {
    if (one.kind === 'wait') await lab.clock.advance(one.ms);
    else if (one.kind === 'sleep') lab.clock.step(one.ms);
    else if (one.kind === 'disturb') await disturb(one.how);
    else if (one.kind === 'push') {
      const sequence = sequences.get(one.client) ?? 0;
      sequences.set(one.client, sequence + 1);
      const pushed = pushAt(one, lab.clock.nowMs(), sequence);
      sent.push(pushed);
      merged.push(pushed);
      await lab.push(pushed.samples, pushed.fields);
    } else {
      const again = sent.at(-1 - one.back);
      if (again === undefined) continue;
      // The edge gives a repeat without times other times.
      const samples = again.fields.stamped
        ? again.samples.map(([name, ms, value]): Sample => [name, ms + 3_001, value])
        : again.samples;
      await lab.push(samples, again.fields);
    }
  }
  return merged;
}

function pushAt(
  { agoMs: ago, names, value, spreadMs, client, stamped }: Extract<Step, { kind: 'push' }>,
  nowMs: number,
  sequence: number,
): Sent {
  const samples = names.map((name, i): Sample => [name, nowMs - ago + i * spreadMs, value + i]);
  return {
    samples,
    fields: { client, stamped, pushId: { boot: `boot-${client}`, sequence, previous: undefined }, contentHash: sequence },
  };
}

/** The answers are exactly the windows of the samples that were pushed: open, closed, sealed or bundled. */
export async function expectExactly(lab: Pick<Lab, 'samples' | 'windows'>, sent: readonly Sent[]): Promise<void> {
  for (const client of CLIENTS) {
    const set = setOf(sent.filter(({ fields }) => fields.client === client).flatMap(({ samples }) => samples));
    const { minutes, hours } = windowsOf(set);
    expect(await lab.samples(client)).toEqual(set);
    expect(withoutRevisions(await lab.windows(client))).toEqual(minutes);
    expect(withoutRevisions(await lab.windows(client, { resolution: '1h' }))).toEqual(hours);
  }
}

/** What can be read of the lab's clients. @param open also what depends on log time, which ticks move at times of their own. */
async function readAll(lab: Lab, open: boolean): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = { clients: await lab.shard.reader.clients('default') };
  for (const client of CLIENTS) {
    answers[`${client} samples`] = await lab.samples(client);
    for (const resolution of ['1m', '1h'] as const)
      answers[`${client} ${resolution}`] = await lab.windows(client, { resolution, open });
  }
  return answers;
}

/** Two labs that lived through the same have to answer the same, at once and when all windows have closed. */
export async function expectSame(lab: Lab, other: Lab): Promise<void> {
  expect(await readAll(lab, true)).toEqual(await readAll(other, true));
  for (const one of [lab, other]) await one.clock.advance(12 * MINUTE_MS);
  expect(await readAll(lab, false)).toEqual(await readAll(other, false));
}
