/** Seeded histories of one host: what it made, what became of each push, and the records that its partition's log got. */
import type { RuleSpec } from '../../../src/model/alert.ts';
import type { Push } from '../../../src/model/push.ts';
import { MINUTE_MS } from '../../../src/model/window.ts';
import { shapeInterner } from '../../../src/protocols/log-record.ts';
import { pushOf } from '../../consumers/shapes.ts';
import { seeded } from '../anomaly/series.ts';
import { rule } from '../backtest/history.ts';

/** 2026-10-27, a Tuesday, 12:00 UTC. */
export const START_MS = Date.UTC(2026, 9, 27, 12);
export const STEP_MS = 20_000;
export const TICK_MS = 15_000;

/** A push that was made; `cpu` is undefined where it brought something else. */
export interface Made {
  /** Its place among all that the host made. */
  readonly index: number;
  readonly boot: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly cpu: number | undefined;
  readonly push: Push;
}

/** One record of the log: a push, or a tick. */
export interface LogEvent {
  readonly logMs: number;
  readonly made?: Made | undefined;
}

export interface History {
  readonly spec: RuleSpec;
  readonly events: readonly LogEvent[];
}

const shapes = shapeInterner();
const LEVELS = [95, 95, 95, 92, 80, 60, 20] as const;
const FORS = [1, 2, 3, 5] as const;
const KEEPS = [0, 0, 1, 2] as const;

/** A rule that the seed picks, and a host under it. */
export function historyOf(seed: number): History {
  const chance = seeded(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)] as T;
  const spec = rule('Busy', 'avg(cpu) > 90', {
    forMs: pick(FORS) * MINUTE_MS,
    keepFiringForMs: pick(KEEPS) * MINUTE_MS,
    clear: chance() < 0.5 ? 'avg(cpu) < 70' : undefined,
  });
  const endMs = START_MS + (6 + Math.floor(chance() * 11)) * MINUTE_MS;
  const arrivals = arrivalsOf(madeUntil(endMs, chance), chance);
  return { spec, events: recordsOf(arrivals, endMs + (chance() < 0.3 ? 8 : 2) * MINUTE_MS, chance) };
}

/** A push every 20 s, at levels that hold for minutes, but where the host is down: then it may come back under a new boot. */
function madeUntil(endMs: number, chance: () => number): Made[] {
  const made: Made[] = [];
  let [level, untilMs, boot, sequence, hasCpu] = [20, 0, 'a', 0, true];
  let previous: { boot: string; count: number } | undefined;
  for (let atMs = START_MS + Math.floor(chance() * STEP_MS); atMs < endMs; atMs += STEP_MS) {
    if (atMs >= untilMs) {
      level = LEVELS[Math.floor(chance() * LEVELS.length)] ?? 20;
      hasCpu = chance() > 0.06;
      untilMs = atMs + Math.floor(1 + 5 * chance()) * MINUTE_MS;
    }
    if (chance() < 0.02) {
      atMs += Math.floor(chance() * 8 * MINUTE_MS);
      if (chance() < 0.6) {
        previous = { boot, count: sequence };
        boot += 'a';
        sequence = 0;
      }
    }
    const cpu = hasCpu ? level + 4 * chance() - 2 + (chance() < 0.04 ? -60 : 0) : undefined;
    const index = made.length;
    const pushId = { boot, sequence, previous };
    const push = pushOf(shapes, [cpu === undefined ? ['load1', atMs, 1] : ['cpu', atMs, cpu]], { pushId, arrivalMs: atMs });
    made.push({ index, boot, sequence, atMs, cpu, push });
    sequence += 1;
  }
  return made;
}

/** What became of each: lost, held back, sent twice; and stretches of which all was lost, or came afterwards, oldest first. */
function arrivalsOf(made: readonly Made[], chance: () => number): LogEvent[] {
  const lossy = [0, 0.05, 0.25][Math.floor(chance() * 3)] ?? 0;
  const arrivals: LogEvent[] = [];
  let [cutUntilMs, cutLoses, behind] = [0, false, 0];
  for (const one of made) {
    if (one.atMs >= cutUntilMs && chance() < 0.02) {
      cutUntilMs = one.atMs + Math.floor(chance() * 5 * MINUTE_MS);
      cutLoses = chance() < 0.4;
      behind = 0;
    }
    const cut = one.atMs < cutUntilMs;
    if (cut ? cutLoses : chance() < lossy) continue;
    const heldMs = chance() < 0.05 ? Math.floor(chance() * 4 * MINUTE_MS) : 0;
    const logMs = (cut ? cutUntilMs + 100 * behind++ : one.atMs + heldMs) + Math.floor(chance() * 90);
    arrivals.push({ logMs, made: one });
    if (chance() < 0.04) arrivals.push({ logMs: logMs + Math.floor(chance() * 3 * MINUTE_MS), made: one });
  }
  return arrivals;
}

/** As the log has them: with ticks where nobody pushes, and in some histories none of anything while the server is down. */
function recordsOf(arrivals: readonly LogEvent[], endMs: number, chance: () => number): LogEvent[] {
  const downMs = chance() < 0.2 ? START_MS + Math.floor(chance() * 10 * MINUTE_MS) : Number.POSITIVE_INFINITY;
  const upMs = downMs + Math.floor((0.7 + 5 * chance()) * MINUTE_MS);
  const told = [...arrivals].sort((a, b) => a.logMs - b.logMs);
  const kept = told.map((event, i) =>
    event.logMs < downMs || event.logMs >= upMs ? event : { ...event, logMs: upMs + 100 * i },
  );
  const events: LogEvent[] = [{ logMs: START_MS }];
  const tickUntil = (untilMs: number): void => {
    for (let atMs = (events.at(-1)?.logMs ?? 0) + TICK_MS; atMs < untilMs; atMs += TICK_MS) {
      if (atMs < downMs || atMs >= upMs) events.push({ logMs: atMs });
    }
  };
  for (const event of kept.sort((a, b) => a.logMs - b.logMs)) {
    tickUntil(event.logMs);
    events.push(event);
  }
  tickUntil(endMs);
  return events;
}
