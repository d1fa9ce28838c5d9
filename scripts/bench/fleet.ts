/** The simulated hosts: each with its own boot id, sequence, clock and values. */
import { firstValue, METRICS, nextValue } from './host-values.ts';
import { type PushTarget, type PushTemplate, patchPush, pushTemplate } from './push-template.ts';

/** The timestamp of a client's next push, Unix ms. @param previousMs of its last one; NaN before the first. */
export type ClientClock = (client: number, previousMs: number) => number;

export interface FleetOptions {
  readonly target: PushTarget;
  readonly clients: number;
  /** Distinguishes the clients of one load from those of another. */
  readonly prefix: string;
  readonly clock: ClientClock;
  readonly random: () => number;
  /** 128 bits of a boot id as text. */
  readonly bootId: () => string;
}

export interface Fleet {
  readonly clients: number;
  clientName(client: number): string;
  /** The next request of a client, valid until the next call for the same client. */
  nextRequest(client: number): Uint8Array;
  /** Pushes made, and those of them whose timestamp their client had reached before. */
  readonly pushes: number;
  readonly repeats: number;
}

export const METRICS_PER_PUSH = METRICS.length;

export function createFleet(options: FleetOptions): Fleet {
  const { clients, clock, random, target } = options;
  const width = METRICS.length;
  const values = new Float64Array(clients * width);
  const previousMs = new Float64Array(clients).fill(Number.NaN);
  const sequences = new Uint32Array(clients);
  const boots = Array.from({ length: clients }, options.bootId);
  const name = (client: number): string => `${options.prefix}-${String(client).padStart(5, '0')}`;
  const templateOf = (client: number, sequenceDigits: number): PushTemplate =>
    pushTemplate(target, name(client), boots[client] ?? '', sequenceDigits, METRICS);
  const templates = Array.from({ length: clients }, (_, client) => templateOf(client, 1));
  for (let i = 0; i < values.length; i += 1) values[i] = firstValue(metricAt(i % width), random);
  let pushes = 0;
  let repeats = 0;

  return {
    clients,
    clientName: name,
    nextRequest(client) {
      const sequence = sequences[client] ?? 0;
      sequences[client] = sequence + 1;
      let template = templates[client] ?? templateOf(client, 1);
      if (sequence >= 10 ** template.sequenceDigits) {
        template = templateOf(client, template.sequenceDigits + 1);
        templates[client] = template;
      }
      const before = previousMs[client] ?? Number.NaN;
      const timestampMs = clock(client, before);
      previousMs[client] = timestampMs;
      pushes += 1;
      if (timestampMs <= before) repeats += 1;
      const offset = client * width;
      for (let i = 0; i < width; i += 1) values[offset + i] = nextValue(metricAt(i), values[offset + i] ?? 0, random);
      patchPush(template, METRICS, { sequence, sentMs: Date.now(), timestampMs }, values, offset);
      return template.bytes;
    },
    get pushes() {
      return pushes;
    },
    get repeats() {
      return repeats;
    },
  };
}

function metricAt(index: number): (typeof METRICS)[number] {
  const metric = METRICS[index];
  if (metric === undefined) throw new RangeError(`no metric ${index}`);
  return metric;
}

/** Hosts that collect when they push: the time is now, and 1 ms on where a client pushes twice in one. */
export function realClock(): ClientClock {
  return (_client, previousMs) => {
    const nowMs = Date.now();
    return nowMs <= previousMs ? previousMs + 1 : nowMs;
  };
}

/**
 * Hosts that live faster than time: each push is `intervalMs` after the one before, give or take the jitter of a timer.
 * @param startMs of the first client; the others follow, spread over one interval.
 */
export function simulatedClock(startMs: number, intervalMs: number, clients: number, random: () => number): ClientClock {
  const jitterMs = 3;
  return (client, previousMs) => {
    const phaseMs = Math.floor((client * (intervalMs - jitterMs)) / clients);
    const ticks = Number.isNaN(previousMs) ? 0 : Math.floor((previousMs - startMs - phaseMs) / intervalMs) + 1;
    return startMs + phaseMs + ticks * intervalMs + (random() % jitterMs);
  };
}
