/** A server made of answers, for the push machine: it keeps every request with the time at which it came. */
import type { PushRequest, PushResponse } from '../../src/agent/push.ts';
import type { ManualClock } from './manual-clock.ts';

/** A status, an answer, or what never comes: a refused connection, or silence. */
export type Behaviour = number | PushResponse | 'refused' | 'silent';

export interface Received {
  readonly atMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface FakeServer {
  /** What the next requests get, in order; then `otherwise`. */
  readonly script: Behaviour[];
  otherwise: Behaviour;
  readonly received: Received[];
  /** Greatest number of requests that were in flight at once. */
  inFlightMax: number;
  send(request: PushRequest): Promise<PushResponse>;
}

export function fakeServer(clock: ManualClock): FakeServer {
  let inFlight = 0;
  const server: FakeServer = {
    script: [],
    otherwise: 202,
    received: [],
    inFlightMax: 0,
    async send({ headers, body, signal }) {
      inFlight += 1;
      server.inFlightMax = Math.max(server.inFlightMax, inFlight);
      server.received.push({ atMs: clock.elapsedMs(), headers, body: new TextDecoder().decode(body) });
      try {
        return await answer(server.script.shift() ?? server.otherwise, signal);
      } finally {
        inFlight -= 1;
      }
    },
  };
  return server;
}

function answer(behaviour: Behaviour, signal: AbortSignal): Promise<PushResponse> {
  if (typeof behaviour === 'number') return Promise.resolve({ status: behaviour, retryAfter: undefined });
  if (typeof behaviour === 'object') return Promise.resolve(behaviour);
  if (behaviour === 'refused') return Promise.reject(new Error('connect ECONNREFUSED'));
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
}
