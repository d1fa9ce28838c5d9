/** The corpus that every host has to give the same answers for: ten thousand pushes of fifty clients, from a seed. */
import { type Random, seededRandom } from '../simulation/random.ts';

export interface CorpusPush {
  readonly pushId: string;
  readonly body: string;
}

/** Pushes of each client, in the order in which they are sent; clients are independent of each other. */
export type Corpus = ReadonlyMap<string, readonly CorpusPush[]>;

export const CLIENTS = 50;
export const PUSHES_PER_CLIENT = 200;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Event time begins so long ago: within what is accepted, and all of it long over when it arrives. */
const AGE_MS = 16 * HOUR_MS;
export const SPAN_MS = 15 * HOUR_MS;
const SAMPLES_PER_PUSH = 6;
const SERIES = [
  { name: 'cpu' },
  { name: 'queue_depth', labels: { queue: 'mail' } },
  { name: 'jobs_total', kind: 'counter', labels: { state: 'done' } },
] as const;

interface Sample {
  readonly name: string;
  readonly value: number;
  readonly timestamp: number;
}

/** What sets a client apart; each of the five is every fifth. */
interface Habit {
  /** How often a sample is held back, to come hours later. */
  readonly late: number;
  /** How often a push is sent again as it was. */
  readonly repeat: number;
  /** How often another value is sent for a time that has one. */
  readonly conflict: number;
  /** Its clock, against the others'. */
  readonly skewMs: number;
  /** It says nothing for so long, once. */
  readonly silentMs: number;
}

const STEADY: Habit = { late: 0.01, repeat: 0.02, conflict: 0, skewMs: 0, silentMs: 0 };
const HABITS: readonly Habit[] = [
  STEADY,
  { ...STEADY, late: 0.3 },
  { ...STEADY, repeat: 0.4, conflict: 0.2 },
  { ...STEADY, skewMs: 37 * MINUTE_MS + 123 },
  { ...STEADY, silentMs: 5 * HOUR_MS },
];

/** Event time of a corpus that is sent from `nowMs` on begins here. */
export function startOf(nowMs: number): number {
  return Math.floor(nowMs / HOUR_MS) * HOUR_MS - AGE_MS;
}

export function corpusOf(seed: number, nowMs: number): Corpus {
  const random = seededRandom(seed);
  const clients = Array.from({ length: CLIENTS }, (_, i) => `host-${i}`);
  return new Map(clients.map((client, i) => [client, pushesOf(client, HABITS[i % HABITS.length] ?? STEADY, random, nowMs)]));
}

function pushesOf(client: string, habit: Habit, random: Random, nowMs: number): CorpusPush[] {
  const pushes: CorpusPush[] = [];
  const held: Sample[] = [];
  const silentAt = random.whole(50, 150);
  let boot = random.hex(16);
  let sequence = 0;
  let atMs = startOf(nowMs) + random.whole(0, HOUR_MS) + habit.skewMs;
  const add = (samples: readonly Sample[]): void => {
    pushes.push({ pushId: `${boot}:${sequence++}`, body: bodyOf(client, samples, random, nowMs) });
  };
  while (pushes.length < PUSHES_PER_CLIENT) {
    const samples = samplesFrom(atMs, random);
    const kept = samples.filter(() => !random.chance(habit.late));
    held.push(...samples.filter((sample) => !kept.includes(sample)));
    add([...kept, ...(random.chance(0.1) ? held.splice(0, random.whole(1, 20)) : [])]);
    if (random.chance(habit.repeat)) pushes.push(random.pick(pushes.slice(-20)));
    // A sequence may be missing, and a new process begins a new count.
    if (random.chance(0.02)) sequence += 1;
    if (random.chance(0.01)) [boot, sequence] = [random.hex(16), 0];
    if (random.chance(habit.conflict)) add(samples.map((sample) => ({ ...sample, value: randomValue(random) })));
    atMs += random.whole(30, 150) * 1_000 + (pushes.length === silentAt ? habit.silentMs : 0);
  }
  return pushes.slice(0, PUSHES_PER_CLIENT);
}

function samplesFrom(startMs: number, random: Random): Sample[] {
  return Array.from({ length: SAMPLES_PER_PUSH }, (_, i) => startMs + i * 10_000).flatMap((timestamp) =>
    SERIES.map((series) => ({ ...series, value: randomValue(random), timestamp })),
  );
}

/** Mostly what monitoring sends; now and then what makes the order of a sum show. */
function randomValue(random: Random): number {
  if (random.chance(0.9)) return random.whole(0, 100_000) / 1_000;
  return random.pick([random.next() * 100, 0.1, 1e-9, 99.999_999_999_999, Number.MIN_VALUE, 0]);
}

function bodyOf(client: string, samples: readonly Sample[], random: Random, nowMs: number): string {
  const refused = random.pick([nowMs - 3 * 24 * HOUR_MS, nowMs + HOUR_MS]);
  const metrics = random.chance(0.03) ? [...samples, { name: 'cpu', value: 1, timestamp: refused }] : samples;
  return JSON.stringify({ client_id: client, metrics });
}
