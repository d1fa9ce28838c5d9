/** The agent: collectors, spool and push machine wired to the real clock, disk and network. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import { collectorsFor } from './collectors/registry.ts';
import { thisMachine } from './collectors/this-machine.ts';
import { diskSpool } from './disk-spool.ts';
import { type HealthServer, serveHealth } from './health.ts';
import { type AgentOptions, type AgentSettings, agentSettings, keyIn } from './options.ts';
import { everyInterval } from './phase.ts';
import { Pusher, type PusherStatus } from './push.ts';
import type { Sample } from './push-body.ts';
import { Sampler } from './sampler.ts';
import { httpSend } from './send.ts';
import { memorySpool, type Spool } from './spool.ts';

export interface AgentStatus extends PusherStatus {
  readonly client: string;
  readonly bootId: string;
  readonly intervalMs: number;
  /** Where GET /health answers; undefined: nowhere. */
  readonly healthPort: number | undefined;
  /** Failed readings by collector. */
  readonly collectorErrors: Readonly<Record<string, number>>;
}

export interface Agent {
  /** Takes no more samples, tries once more to deliver (≤ agentStopMs), and leaves the rest in the spool. */
  stop(): Promise<void>;
  status(): AgentStatus;
}

/**
 * Starts an agent in this process; Bun and Node. It samples at the client's own phase of each interval, the first time
 * within one interval.
 * @throws invalid_request for an option that cannot be; what node:fs says where the key file cannot be read; what node:net
 * says where the health port is taken.
 */
export async function runAgent(options: AgentOptions): Promise<Agent> {
  const { clock, log } = options;
  const settings = agentSettings(options, hostname());
  if (settings.isInClear) log('warn', 'the key and the metrics travel in clear', { url: settings.url });
  const bootId = randomHex(16);
  const collectors = collectorsFor(process.platform, thisMachine(), settings.without);
  const sampler = new Sampler({ collectors, timeoutMs: settings.intervalMs / 2, clock, log });
  const spool = openSpool(options, settings);
  const pusher = new Pusher({
    ...settings,
    bootId,
    readKey: () => keyIn(options.keyFile === undefined ? (options.key ?? '') : readFileSync(options.keyFile, 'utf8')),
    clock,
    random: Math.random,
    send: httpSend(settings.url),
    spool,
    log,
  });
  let health: HealthServer | undefined;
  const status = (): AgentStatus => ({
    client: settings.client,
    bootId,
    intervalMs: settings.intervalMs,
    healthPort: health?.port,
    collectorErrors: Object.fromEntries(sampler.errors()),
    ...pusher.status(),
  });
  if (options.healthPort !== undefined) health = await serveHealth(options.healthPort, status);
  // The readings that rates are taken from.
  await sampler.sample();
  const cancelTicks = everyInterval(
    clock,
    settings.client,
    settings.intervalMs,
    () => void sampleAndPush(pusher, sampler, clock),
  );
  let stopped: Promise<void> | undefined;
  const stopOnce = async (): Promise<void> => {
    cancelTicks();
    await pusher.stop(LIMITS.agentStopMs);
    spool.close();
    await health?.close();
  };
  return {
    stop() {
      stopped ??= stopOnce();
      return stopped;
    },
    status,
  };
}

async function sampleAndPush(pusher: Pusher, sampler: Sampler, clock: Clock): Promise<void> {
  const timestampMs = clock.nowMs();
  const readings = await sampler.sample();
  const samples: Sample[] = readings.map((reading) => ({ ...reading, timestampMs }));
  for (const [collector, value] of sampler.errors()) {
    samples.push({
      name: 'agent_collector_errors_total',
      value,
      timestampMs,
      labels: { collector },
      unit: 'count',
      kind: 'counter',
    });
  }
  pusher.push(samples);
}

function openSpool({ spoolDir, log }: AgentOptions, { spoolMs, spoolBytesMax }: AgentSettings): Spool {
  const bounds = { spoolMs, bytesMax: spoolBytesMax };
  return spoolDir === undefined ? memorySpool(bounds) : diskSpool({ directory: spoolDir, ...bounds, log });
}

function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
