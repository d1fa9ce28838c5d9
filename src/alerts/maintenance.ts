/** Maintenance: stretches of time that recur, in which alerts do not page. */
import { Cron } from 'croner';
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Maintenance } from '../model/incident.ts';
import { compileMatchers, type Matcher } from './matchers.ts';
import type { Hold } from './silences.ts';

export interface CompiledMaintenance extends Maintenance {
  readonly matches: Matcher;
  /** @returns when the stretch that holds this time ends, Unix ms; undefined where none does. */
  endsMs(nowMs: number): number | undefined;
}

/** Five fields, and nothing that croner reads beyond them: no seconds, no `@daily`. */
const FIELDS = /^\S+(?: \S+){4}$/;

/** @returns what is wrong with a schedule, for people; undefined where it is right. @param nowMs it has to start some time after. */
export function scheduleProblem(cron: string, timeZone: string, nowMs: number): string | undefined {
  if (!FIELDS.test(cron)) return 'cron has five fields: minute, hour, day of month, month, day of week.';
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    return 'timeZone is not one that is known, such as Europe/Berlin.';
  }
  try {
    return scheduleOf(cron, timeZone).nextRun(new Date(nowMs)) === null ? 'cron names a time that never comes.' : undefined;
  } catch (error) {
    return `cron cannot be read: ${(error instanceof Error ? error.message : '').replace(/^CronPattern: /, '')}`;
  }
}

function scheduleOf(cron: string, timezone: string): Cron {
  return new Cron(cron, { timezone, paused: true, mode: '5-part' });
}

const NEVER = Number.MAX_SAFE_INTEGER;

export function compileMaintenance(maintenance: Maintenance): CompiledMaintenance {
  const schedule = scheduleOf(maintenance.cron, maintenance.timeZone);
  const { durationMs } = maintenance;
  // The last answer, and the stretch of time for which it stands: a schedule takes up to ms to ask.
  let known = { fromMs: 0, toMs: 0, endsMs: undefined as number | undefined };
  const nextRun = (afterMs: number): number => {
    try {
      return schedule.nextRun(new Date(afterMs))?.getTime() ?? NEVER;
    } catch {
      // A time zone that this host does not know holds no page back.
      return NEVER;
    }
  };
  return {
    ...maintenance,
    matches: compileMatchers(maintenance.match),
    endsMs(nowMs) {
      if (nowMs >= known.fromMs && nowMs < known.toMs) return known.endsMs;
      let startMs = nextRun(nowMs - durationMs);
      // croner reckons in whole seconds: the first may just be over.
      if (startMs + durationMs <= nowMs) startMs = nextRun(startMs);
      if (startMs > nowMs) {
        known = { fromMs: nowMs, toMs: startMs, endsMs: undefined };
        return undefined;
      }
      let endsMs = startMs + durationMs;
      // Stretches that overlap are one. Where there are many, it is looked again at the end of the last.
      for (let i = 0; i < ALERT_LIMITS.maintenanceOverlapsMax; i++) {
        const nextMs = nextRun(startMs);
        if (nextMs > endsMs) break;
        startMs = nextMs;
        endsMs = nextMs + durationMs;
      }
      known = { fromMs: nowMs, toMs: endsMs, endsMs };
      return endsMs;
    },
  };
}

/** @returns the maintenance that the alert falls under now. */
export function maintenanceOf(all: readonly CompiledMaintenance[], transition: Transition, nowMs: number): Hold | undefined {
  for (const maintenance of all) {
    if (!maintenance.matches(transition)) continue;
    const untilMs = maintenance.endsMs(nowMs);
    if (untilMs === undefined) continue;
    const text = `Maintenance ${maintenance.id} until ${new Date(untilMs).toISOString()}: ${maintenance.comment}`;
    return { reason: 'maintenance', untilMs, text };
  }
  return undefined;
}
