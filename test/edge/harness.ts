/** An edge on memory adapters, with a clock that stands still until it is moved. */
import type { Hono } from 'hono';
import { memoryEnrichmentRegistry } from '../../src/adapters/memory/enrichment-registry.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { type MemoryLiveFeed, memoryLiveFeed } from '../../src/adapters/memory/live-feed.ts';
import { memoryMetricReader } from '../../src/adapters/memory/metric-reader.ts';
import { type MemoryPushAppender, memoryPushAppender } from '../../src/adapters/memory/push-appender.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { zlibDecompression } from '../../src/adapters/node/decompression.ts';
import { createApp, type EdgeDependencies } from '../../src/edge/app.ts';
import { createKey, type KeyClaims } from '../../src/edge/keys.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { KeyRegistry } from '../../src/ports/key-registry.ts';

export const NOW_MS = Date.UTC(2026, 10, 24, 12, 0, 30);
export const SECRET = 'a secret that is long enough for HMAC-SHA-256';

export interface ManualClock extends Clock {
  /** Moves time; what was scheduled until then runs in order. */
  advance(ms: number): void;
  scheduled(): number;
}

/** Delays of 0 run by themselves, soon: whoever pauses goes on. */
export function manualClock(startMs = NOW_MS): ManualClock {
  let nowMs = startMs;
  let tasks: { readonly atMs: number; readonly task: () => void }[] = [];
  return {
    nowMs: () => nowMs,
    schedule(delayMs, task) {
      if (delayMs === 0) {
        const timer = setTimeout(task, 0);
        return () => clearTimeout(timer);
      }
      const entry = { atMs: nowMs + delayMs, task };
      tasks.push(entry);
      return () => {
        tasks = tasks.filter((one) => one !== entry);
      };
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const next = tasks.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined) break;
        tasks = tasks.filter((one) => one !== next);
        nowMs = Math.max(nowMs, next.atMs);
        next.task();
      }
      nowMs = endMs;
    },
    scheduled: () => tasks.length,
  };
}

export interface Edge {
  readonly app: Hono;
  readonly deps: EdgeDependencies;
  readonly clock: ManualClock;
  readonly appender: MemoryPushAppender;
  readonly feed: MemoryLiveFeed;
  readonly keys: KeyRegistry;
  readonly logLines: string[];
  /** A key's token. */
  key(claims?: Partial<KeyClaims>): Promise<string>;
  /** @param path with its query. @param init as for fetch; `key` goes to Authorization. */
  send(method: string, path: string, init?: SendOptions): Promise<Response>;
  push(body: unknown, init?: SendOptions): Promise<Response>;
}

export interface SendOptions {
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | ReadableStream;
}

export function createEdge(overrides: Partial<EdgeDependencies> = {}, startMs?: number): Edge {
  const clock = manualClock(startMs);
  const appender = memoryPushAppender({ clock });
  const feed = memoryLiveFeed(clock);
  const keys = memoryKeyRegistry();
  const logLines: string[] = [];
  const deps: EdgeDependencies = {
    clock,
    appender,
    reader: memoryMetricReader({ clock, kept: appender.kept }),
    live: feed,
    decompression: zlibDecompression(),
    keys,
    enrichments: memoryEnrichmentRegistry(),
    secrets: { current: SECRET },
    telemetry: memoryTelemetry({ nowMs: clock.nowMs, write: (line) => logLines.push(line) }),
    random: () => 0.5,
    ready: () => ({ ready: true }),
    sampleAgeMsMax: LIMITS.sampleAgeMsMax,
    tenantRequestsPerSecond: LIMITS.tenantRequestsPerSecond,
    ...overrides,
  };
  const app = createApp(deps);
  const send: Edge['send'] = async (method, path, init = {}) => {
    const headers = {
      ...(init.key === undefined ? {} : { authorization: `Bearer ${init.key}` }),
      ...(typeof init.body === 'string' ? { 'content-type': 'application/json' } : {}),
      ...init.headers,
    };
    const body = init.body === undefined ? {} : { body: init.body };
    return app.fetch(new Request(`http://127.0.0.1${path}`, { method, headers, ...body, duplex: 'half' } as RequestInit));
  };
  return {
    app,
    deps,
    clock,
    appender,
    feed,
    keys,
    logLines,
    key: async (claims = {}) => (await createKey(SECRET, { tenant: 'acme', role: 'ingest', ...claims }, NOW_MS)).key,
    send,
    push: (body, init = {}) =>
      send('POST', '/metrics', { ...init, body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
}

/** A push of `count` series at one time. */
export function pushOf(client: string, count: number, timestamp = NOW_MS): unknown {
  const metrics = Array.from({ length: count }, (_, i) => ({ name: `metric_${i}`, value: i + 0.5, timestamp }));
  return { client_id: client, metrics };
}
