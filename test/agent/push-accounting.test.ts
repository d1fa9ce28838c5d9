/** Whatever the server, the clock and the bounds do: every sample that was made was delivered, dropped and counted, or is in the spool. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pusher } from '../../src/agent/push.ts';
import { DROP_REASONS, memorySpool, type Spool } from '../../src/agent/spool.ts';
import { type Behaviour, fakeServer } from './fake-server.ts';
import { manualClock } from './manual-clock.ts';

const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Behaviour>(202) },
  fc.constantFrom<Behaviour>('refused', 'silent'),
  fc.constantFrom<Behaviour>(200, 204, 301, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503),
  fc.record({
    status: fc.constantFrom(429, 503),
    retryAfter: fc.constantFrom('0', '1', '30', '400', 'garbage', '-1', undefined),
  }),
);

type Step =
  | { readonly kind: 'push'; readonly samples: number }
  | { readonly kind: 'advance' | 'step'; readonly ms: number }
  | { readonly kind: 'crash' | 'stop' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('push' as const), samples: fc.integer({ min: 0, max: 1_200 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 30_000 }) }) },
  fc.record({ kind: fc.constant('step' as const), ms: fc.integer({ min: -1e13, max: 1e13 }) }),
  fc.constant({ kind: 'crash' as const }),
  fc.constant({ kind: 'stop' as const }),
);

test('made = delivered + dropped + spooled at every step, sequences are dense, retries are equal, order holds', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.array(behaviour, { maxLength: 60 }),
      behaviour,
      fc.record({ spoolMs: fc.integer({ min: 0, max: 100_000 }), bytesMax: fc.integer({ min: 0, max: 300_000 }) }),
      async (steps, script, otherwise, bounds) => {
        const world = await run(steps, script, otherwise, memorySpool(bounds));
        const bodies = new Map<string, string>();
        let last = -1;
        for (const { headers, body } of world.received) {
          const id = headers['Idempotency-Key'] ?? '';
          expect(body).toBe(bodies.get(id) ?? body);
          bodies.set(id, body);
          const [boot = '', sequence] = id.split(':');
          const place = Number(boot.slice(1)) * 1e6 + Number(sequence);
          expect(place).toBeGreaterThanOrEqual(last);
          last = place;
        }
        expect(world.inFlightMax).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 300 },
  );
});

async function run(steps: readonly Step[], script: Behaviour[], otherwise: Behaviour, spool: Spool) {
  const clock = manualClock();
  let server = fakeServer(clock);
  const received = server.received;
  server.script.push(...script);
  server.otherwise = otherwise;
  let inFlightMax = 0;
  const ended = { made: 0, delivered: 0 };
  let boot = 0;
  let alive = { yes: true };
  const start = (): Pusher => {
    const mine = { yes: true };
    alive = mine;
    const own = server;
    return new Pusher({
      client: 'c',
      bootId: `b${boot++}`,
      intervalMs: 10_000,
      readKey: () => 'k',
      clock: {
        nowMs: clock.nowMs,
        schedule: (delayMs, task) => clock.schedule(delayMs, () => (mine.yes ? task() : undefined)),
      },
      random: () => 0.5,
      // A dead process learns neither of an answer nor of a failure.
      send: (request) => own.send(request).finally(() => (mine.yes ? undefined : new Promise(() => {}))),
      spool,
      log: () => {},
    });
  };
  let pusher = start();
  const check = (): void => {
    const { made, delivered, spool: kept } = pusher.status();
    const dropped = DROP_REASONS.reduce((sum, reason) => sum + kept.dropped[reason], 0);
    expect(ended.made + made.samples).toBe(ended.delivered + delivered.samples + dropped + kept.samples);
  };
  const restart = (): void => {
    const { made, delivered } = pusher.status();
    ended.made += made.samples;
    ended.delivered += delivered.samples;
    alive.yes = false;
    inFlightMax = Math.max(inFlightMax, server.inFlightMax);
    const next = fakeServer(clock);
    next.script.push(...server.script);
    next.otherwise = otherwise;
    server = Object.assign(next, { received });
    pusher = start();
  };
  for (const one of steps) {
    if (one.kind === 'push') {
      const timestampMs = clock.nowMs();
      pusher.push(Array.from({ length: one.samples }, (_, i) => ({ name: 'm', value: i, timestampMs })));
    } else if (one.kind === 'advance') await clock.advance(one.ms);
    else if (one.kind === 'step') clock.step(one.ms);
    else {
      if (one.kind === 'stop') {
        const stopped = pusher.stop(2_000);
        await clock.advance(2_000);
        await stopped;
      }
      check();
      restart();
    }
    check();
  }
  return { received, inFlightMax: Math.max(inFlightMax, server.inFlightMax) };
}
