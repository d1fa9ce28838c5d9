/** GET of what changes now: server-sent events, each with the newest values of the clients that changed. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveClient, LiveFeed } from '../ports/live-feed.ts';
import { LIVE_BEGINS, liveEncoder, liveNames } from '../protocols/live-message.ts';
import type { Authentication, Grant } from './authentication.ts';
import { checkQuery } from './checking.ts';
import type { KeyedCall } from './route.ts';
import { liveQuery } from './schemas.ts';

/*
 * event = "event: " kind LF "data: " message LF LF      message: protocols/live-message.ts
 * kind  = "snapshot" first: the feed begins, and what came before has to be read; then "change"
 * beat  = ":" LF LF                                     a comment, so that proxies keep the connection
 */
const SNAPSHOT = new TextEncoder().encode(`event: snapshot\ndata: ${LIVE_BEGINS}\n\n`);
const BEAT = new TextEncoder().encode(':\n\n');

export interface LiveOptions {
  readonly clock: Clock;
  readonly feed: LiveFeed;
  readonly authentication: Authentication;
}

export interface Live {
  /** @throws overloaded when liveClientsMax listen already */
  listen(call: KeyedCall): Response;
  listeners(): number;
}

export function live(options: LiveOptions): Live {
  const encoders = sharedEncoders();
  let listening = 0;
  return {
    listeners: () => listening,
    listen({ request, principal, grant }) {
      const { query } = checkQuery(request.url, liveQuery);
      if (listening >= LIMITS.liveClientsMax) {
        throw new MetricStreamError('overloaded', 'Too many pages listen.', { retryAfterMs: LIMITS.liveHeartbeatMs });
      }
      listening += 1;
      const { encode, release } = encoders(query.metric);
      const body = eventStream(options, grant, encode, principal.tenant, query.client, () => {
        listening -= 1;
        release();
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' } });
    },
  };
}

type Encode = (changed: readonly LiveClient[]) => Uint8Array;

/**
 * Ends when the listener leaves, when its key stops to hold, or when it falls liveQueueBytesMax behind: a page opens it again.
 */
function eventStream(
  { clock, feed, authentication }: LiveOptions,
  grant: Grant,
  encode: Encode,
  tenant: string,
  client: string | undefined,
  ended: () => void,
): ReadableStream<Uint8Array> {
  let unsubscribe = (): void => {};
  let cancelBeat = (): void => {};
  let open = true;
  const end = (): void => {
    if (!open) return;
    open = false;
    unsubscribe();
    cancelBeat();
    ended();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (bytes: Uint8Array): void => {
          if (!open) return;
          const behind = (controller.desiredSize ?? 0) < bytes.length;
          if (!behind && authentication.holds(grant, clock.nowMs())) {
            controller.enqueue(bytes);
          } else {
            end();
            controller.close();
          }
        };
        const beat = (): void => {
          send(BEAT);
          if (open) cancelBeat = clock.schedule(LIMITS.liveHeartbeatMs, beat);
        };
        send(SNAPSHOT);
        cancelBeat = clock.schedule(LIMITS.liveHeartbeatMs, beat);
        unsubscribe = feed.subscribe(tenant, client, (changed) => {
          if (changed.length > 0) send(encode(changed));
        });
        if (!open) unsubscribe();
      },
      cancel: end,
    },
    { highWaterMark: LIMITS.liveQueueBytesMax, size: (bytes) => bytes?.length ?? 0 },
  );
}

/** @param metric as in liveNames. @returns the one encoder of those names, to be given back. */
function sharedEncoders(): (metric: string | undefined) => { readonly encode: Encode; release(): void } {
  const held = new Map<string, { readonly encode: Encode; users: number }>();
  return (metric) => {
    const names = liveNames(metric);
    const key = names?.join() ?? '';
    const own = held.get(key) ?? { encode: eventEncoder(names), users: 0 };
    held.set(key, own);
    own.users += 1;
    return {
      encode: own.encode,
      release() {
        own.users -= 1;
        if (own.users === 0) held.delete(key);
      },
    };
  };
}

function eventEncoder(names: readonly string[] | undefined): Encode {
  const encoder = new TextEncoder();
  const encode = liveEncoder(names);
  return (changed) => encoder.encode(`event: change\ndata: ${encode(changed)}\n\n`);
}
