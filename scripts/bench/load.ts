/** Two ways of pushing: as fast as the answers come (closed), and by the clock whatever the answers do (open). */
import { type Connection, connection } from './connection.ts';
import type { Fleet } from './fleet.ts';
import { type Histogram, histogram } from './histogram.ts';

/** What the answers were since the last reset; `acknowledgedInAll` is never reset. */
export interface Tally {
  acknowledged: number;
  acknowledgedInAll: number;
  limited: number;
  failed: number;
  readonly latencyUs: Histogram;
}

export interface Load {
  readonly fleet: Fleet;
  readonly tally: Tally;
  /** Resolves once the pushes that were asked for are made; rejects when a connection breaks. */
  readonly done: Promise<void>;
  /** Waits for the answers in flight and closes the connections. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly hostname: string;
  readonly port: number;
  readonly fleet: Fleet;
}

export interface ClosedLoadOptions extends LoadOptions {
  readonly connections: number;
  /** The status of what was taken; left out: 202. */
  readonly accepted?: number;
}

export interface OpenLoadOptions extends LoadOptions {
  readonly pushesPerSecond: number;
  /** Pushes after which the load is done; Infinity: it goes on until it is stopped. */
  readonly pushes: number;
  /** Where the server falls behind, the schedule waits for it: no client ever pushes faster than its interval. */
  readonly paced: boolean;
  /** Uniform 32-bit integers, for the phases. */
  readonly random: () => number;
}

/** Room for a tick of the generator that comes late. */
const PACED_LATE_MS_MAX = 20;
const ACCEPTED = 202;
const TOO_MANY_REQUESTS = 429;

export function emptyTally(): Tally {
  return { acknowledged: 0, acknowledgedInAll: 0, limited: 0, failed: 0, latencyUs: histogram() };
}

export function resetTally(tally: Tally): void {
  Object.assign(tally, { acknowledged: 0, limited: 0, failed: 0 });
  tally.latencyUs.reset();
}

/** Each connection pushes for its own share of the clients in turn, one request in flight. Latency is from the send. */
export function closedLoad(options: ClosedLoadOptions): Load {
  const { fleet, connections: count, accepted } = options;
  const tally = emptyTally();
  const end = Promise.withResolvers<void>();
  const sentMs = new Float64Array(count);
  const nextClient = Uint32Array.from({ length: count }, (_, lane) => lane);
  end.promise.catch(() => undefined);
  let running = true;
  let inFlight = count;
  const push = (lane: number): void => {
    const client = nextClient[lane] ?? lane;
    nextClient[lane] = client + count < fleet.clients ? client + count : lane;
    const request = fleet.nextRequest(client);
    sentMs[lane] = performance.now();
    connections[lane]?.send(request);
  };
  const connections = Array.from({ length: count }, (_, lane) =>
    connection({
      ...options,
      onResponse(status) {
        record(tally, status, performance.now() - (sentMs[lane] ?? 0), accepted);
        if (running) push(lane);
        else inFlight -= 1;
      },
      onBroken: end.reject,
    }),
  );
  for (let lane = 0; lane < count; lane += 1) push(lane);
  return {
    fleet,
    tally,
    done: end.promise,
    stop: () => {
      running = false;
      return drain(connections, () => inFlight, end.promise);
    },
  };
}

/**
 * Every client pushes at one interval from a random phase, on a connection of its own, as hosts do, and waits there while
 * its last push is unanswered. Latency is from the due time: a server that stalls does not hide its queue. What is due is
 * sent at ticks of 1 ms, which the latency includes.
 */
export function openLoad(options: OpenLoadOptions): Load {
  const { fleet, pushes } = options;
  const tally = emptyTally();
  const end = Promise.withResolvers<void>();
  const dueMs = new Float64Array(fleet.clients);
  const waiting = Array.from({ length: fleet.clients }, (): number[] => []);
  const busy = new Uint8Array(fleet.clients);
  const intervalMs = (fleet.clients * 1_000) / options.pushesPerSecond;
  const phaseMs = Float64Array.from({ length: fleet.clients }, () => (options.random() / 2 ** 32) * intervalMs).sort();
  let inFlight = 0;
  let made = 0;
  let startMs = performance.now();
  const nextDueMs = (): number => startMs + Math.floor(made / fleet.clients) * intervalMs + (phaseMs[made % fleet.clients] ?? 0);
  const push = (client: number, due: number): void => {
    busy[client] = 1;
    dueMs[client] = due;
    connections[client]?.send(fleet.nextRequest(client));
  };
  const connections = Array.from({ length: fleet.clients }, (_, client) =>
    connection({
      ...options,
      onResponse(status) {
        record(tally, status, performance.now() - (dueMs[client] ?? 0));
        busy[client] = 0;
        inFlight -= 1;
        const next = waiting[client]?.shift();
        if (next !== undefined) push(client, next);
        if (made >= pushes && inFlight === 0) end.resolve();
      },
      onBroken: end.reject,
    }),
  );
  const tick = (): void => {
    const nowMs = performance.now();
    for (let due = nextDueMs(); due <= nowMs && made < pushes; due = nextDueMs()) {
      const client = made % fleet.clients;
      if (options.paced && (busy[client] === 1 || nowMs - due > PACED_LATE_MS_MAX)) {
        startMs += nowMs - due;
        return;
      }
      made += 1;
      inFlight += 1;
      if (busy[client] === 1) waiting[client]?.push(due);
      else push(client, due);
    }
    if (made >= pushes) clearInterval(timer);
  };
  const timer = setInterval(tick, 1);
  return {
    fleet,
    tally,
    done: end.promise,
    stop: () => {
      clearInterval(timer);
      return drain(connections, () => inFlight, end.promise);
    },
  };
}

function record(tally: Tally, status: number, latencyMs: number, accepted = ACCEPTED): void {
  if (status === accepted) {
    tally.acknowledged += 1;
    tally.acknowledgedInAll += 1;
    tally.latencyUs.record(latencyMs * 1_000);
  } else if (status === TOO_MANY_REQUESTS) {
    tally.limited += 1;
  } else {
    tally.failed += 1;
  }
}

/** Answers in flight come within the server's own bounds; 15 s are beyond all of them. */
const DRAIN_MS = 15_000;

async function drain(connections: readonly Connection[], inFlight: () => number, broken: Promise<void>): Promise<void> {
  const untilMs = performance.now() + DRAIN_MS;
  while (inFlight() > 0) {
    if (performance.now() > untilMs) throw new Error(`${inFlight()} pushes were not answered within ${DRAIN_MS} ms.`);
    await Promise.race([Bun.sleep(5), broken]);
  }
  for (const connection of connections) connection.close();
}
