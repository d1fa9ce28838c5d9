/** What one seed is about: how the server is set, who its clients are, and when it all begins. */
import { LIMITS } from '../../src/model/limits.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/model/window.ts';
import type { Tenant } from './identities.ts';
import type { Random } from './random.ts';
import { HABITS, type Habit } from './sample-maker.ts';
import type { ServerSettings } from './server.ts';

export interface ClientPlan {
  readonly kind: 'agent' | 'scripted';
  readonly tenant: Tenant;
  readonly client: string;
  readonly intervalMs: number;
  readonly seriesCount: number;
  readonly skewMs: number;
  readonly habits: readonly Habit[];
  readonly habitChance: number;
  readonly burst: number;
  readonly pushIds: boolean;
  readonly spoolMs: number;
}

export interface Scenario {
  readonly startMs: number;
  readonly settings: ServerSettings;
  readonly clients: readonly ClientPlan[];
  /** Stretches of traffic, with a hole after each but the last. */
  readonly stretches: readonly {
    readonly durationMs: number;
    readonly hole: 'none' | 'sleep' | 'silence' | 'outage';
    readonly holeMs: number;
  }[];
  /** Of a fault at each step. */
  readonly faultChance: number;
  readonly poisonChance: number;
  readonly clockMaySet: boolean;
}

const MIDNIGHT_MS = Date.UTC(2026, 10, 24);

/** A head without samples takes a little more than this: overloaded after one or two dozen pushes, and never for good. */
const TIGHT_HEAD_BYTES = 1_000;

export function planScenario(random: Random): Scenario {
  const clients = planClients(random);
  return {
    // Half of the seeds begin shortly before midnight, most of the others shortly before an hour ends.
    startMs:
      MIDNIGHT_MS + random.pick([DAY_MS, DAY_MS, 9 * HOUR_MS, 9 * HOUR_MS + 20 * MINUTE_MS]) - random.whole(1, 12 * 60) * 1_000,
    settings: {
      partitions: random.pick([1, 2, 3]),
      lingerMs: random.pick([0, 2, 2, 5]),
      headBytesMax: random.pick([LIMITS.headBytesMax, 24_000, 9_000, 5_500, TIGHT_HEAD_BYTES * clients.length]),
      seriesPerClientMax: 14,
      logMs: random.pick([2 * MINUTE_MS, 20 * MINUTE_MS, LIMITS.logRetentionMs]),
      logBytesMax: random.pick([8_000, 8_000, LIMITS.logBytesMax]),
      compressFromBytes: random.pick([100, LIMITS.compressFromBytes]),
      syncAheadFrom: random.pick([1, 1, 3, LIMITS.syncAheadRecords]),
      looksPerMs: random.pick([0, 0, 3, 20]),
    },
    clients,
    stretches: Array.from({ length: random.pick([2, 2, 2, 3]) }, () => ({
      durationMs: random.whole(50, 140) * 1_000,
      hole: random.pick(['none', 'sleep', 'silence', 'outage'] as const),
      holeMs: random.pick([3 * MINUTE_MS, 15 * MINUTE_MS, 40 * MINUTE_MS, 90 * MINUTE_MS]) + random.whole(0, MINUTE_MS),
    })),
    faultChance: random.pick([0.1, 0.2, 0.35]),
    poisonChance: random.pick([0, 0, 0.03]),
    clockMaySet: random.chance(0.4),
  };
}

function planClients(random: Random): ClientPlan[] {
  const agents = random.whole(0, 1);
  // Two tenants that both have a web-1, or one alone.
  const shared = random.chance(0.5);
  const names = shared ? ['web-1', 'web-1', 'db-1'] : ['web-1', 'db-1', 'web-2'];
  return Array.from({ length: random.whole(2, 3) }, (_, i): ClientPlan => {
    const kind = i < agents ? 'agent' : 'scripted';
    const habits = Array.from({ length: random.whole(1, 6) }, () => random.pick(HABITS));
    if (random.chance(0.3)) habits.push('conflict');
    return {
      kind,
      tenant: shared && i === 1 ? 'globex' : 'acme',
      client: names[i] ?? `host-${i}`,
      intervalMs: random.pick([10_000, 15_000, 20_000]),
      seriesCount: random.whole(1, 3),
      skewMs: kind === 'agent' ? 0 : random.pick([0, 0, 0, 3_000, -40_000, HOUR_MS, -HOUR_MS]),
      habits,
      habitChance: random.pick([0.15, 0.4]),
      burst: random.chance(0.4) ? random.whole(5, 9) : 0,
      pushIds: random.chance(0.85),
      spoolMs: random.pick([LIMITS.agentSpoolMs, HOUR_MS]),
    };
  });
}
