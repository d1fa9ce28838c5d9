/** The life of one alert: what one judgement of its rule makes of its state. Pure, and in event time alone. */
import type { AlertState, TransitionReason } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Verdict } from './compiled-rule.ts';

/** What is remembered of an alert that is not inactive. All times Unix ms. */
export interface AlertLife {
  state: Exclude<AlertState, 'resolved'>;
  /** Event time at which the condition began to hold. */
  onsetMs: number;
  /** From when on `for` counts. The same, but for silence: that began before anybody could say so. */
  sinceMs: number;
  /** From when on the alert has been clear; MAX_SAFE_INTEGER while it is not. */
  clearSinceMs: number;
  /** End of what was last judged with a verdict that counts, event time; and log time then. */
  lastMs: number;
  judgedMs: number;
}

/** One judgement: of a minute, of a sample (both ends are its time), or of log time (both ends are that). */
export interface Evidence {
  readonly holds: Verdict;
  readonly clears: Verdict;
  /** Nothing is known to be missing of it. */
  readonly complete: boolean;
  readonly startMs: number;
  readonly endMs: number;
  readonly logMs: number;
  /** When what holds now began, where that was before startMs. */
  readonly onsetMs?: number | undefined;
}

export interface Waits {
  readonly forMs: number;
  readonly keepFiringForMs: number;
}

export interface Move {
  readonly to: AlertState;
  readonly reason?: TransitionReason | undefined;
}

export function newLife(): AlertLife {
  return { state: 'inactive', onsetMs: 0, sinceMs: 0, clearSinceMs: NEVER, lastMs: 0, judgedMs: 0 };
}

/** A number that JSON keeps. */
const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * Judges once. What is there may fire, complete or not; only what is complete resolves, or ends what is pending; what is missing does neither.
 * @returns the move that it makes; undefined where the state stays. The life is changed, its state included; `resolved` leaves it inactive.
 */
export function judge(life: AlertLife, evidence: Evidence, waits: Waits): Move | undefined {
  const from = life.state;
  const move = decide(life, evidence, waits);
  if (evidence.holds === 'true' || (evidence.holds === 'false' && evidence.complete)) {
    life.lastMs = evidence.endMs;
    life.judgedMs = evidence.logMs;
  }
  if (move.to === from) return undefined;
  life.state = move.to === 'resolved' ? 'inactive' : move.to;
  return move;
}

function decide(life: AlertLife, evidence: Evidence, waits: Waits): Move {
  if (evidence.holds === 'true') return { to: burn(life, evidence, waits) };
  if (evidence.holds === 'unknown' || !evidence.complete) return wait(life, evidence, waits);
  if (life.state === 'inactive' || life.state === 'pending') return { to: 'inactive' };
  return { to: cool(life, evidence, waits) };
}

function burn(life: AlertLife, { startMs, endMs, onsetMs }: Evidence, waits: Waits): 'pending' | 'firing' {
  life.clearSinceMs = NEVER;
  if (life.state !== 'inactive' && life.state !== 'pending') return 'firing';
  if (life.state === 'inactive' || startMs - life.lastMs > gapMs(waits)) {
    life.sinceMs = startMs;
    life.onsetMs = onsetMs ?? startMs;
  }
  return endMs - life.sinceMs >= waits.forMs ? 'firing' : 'pending';
}

function cool(life: AlertLife, { clears, startMs, endMs }: Evidence, waits: Waits): 'firing' | 'recovering' | 'resolved' {
  if (clears !== 'true') {
    life.clearSinceMs = NEVER;
    return 'firing';
  }
  life.clearSinceMs = Math.min(life.clearSinceMs, startMs);
  const held = waits.keepFiringForMs === 0 || endMs - life.clearSinceMs >= waits.keepFiringForMs;
  return held ? 'resolved' : 'recovering';
}

/** Nothing that counts can be said of this one. */
function wait(life: AlertLife, { holds, endMs }: Evidence, waits: Waits): Move {
  const reason = holds === 'unknown' ? 'no_data' : 'incomplete';
  const { state } = life;
  const silentMs = endMs - life.lastMs;
  if (state === 'pending' && silentMs > gapMs(waits)) return { to: 'inactive', reason };
  const lost = (state === 'firing' || state === 'recovering') && silentMs >= ALERT_LIMITS.unknownAfterMs;
  return lost ? { to: 'unknown', reason } : { to: state };
}

/** How long a pending alert bridges. */
export function gapMs({ forMs }: Waits): number {
  return Math.max(forMs, ALERT_LIMITS.pendingGapMs);
}
