/** Silences: alerts of which nobody wants to hear until a time. */
import type { Transition } from '../model/alert.ts';
import type { Silence } from '../model/incident.ts';
import { compileMatchers, type Matcher } from './matchers.ts';

/** Why an alert does not page for now, and until when; undefined: until something happens. */
export interface Hold {
  readonly reason: 'silenced' | 'maintenance' | 'inhibited';
  readonly untilMs: number | undefined;
  /** For people. */
  readonly text: string;
}

export interface CompiledSilence extends Silence {
  readonly matches: Matcher;
}

export function compileSilence(silence: Silence): CompiledSilence {
  return { ...silence, matches: compileMatchers(silence.match) };
}

/** @returns the silence that ends last among those that are about the alert now. */
export function silenceOf(silences: readonly CompiledSilence[], transition: Transition, nowMs: number): Hold | undefined {
  let last: CompiledSilence | undefined;
  for (const silence of silences) {
    if (silence.startsMs > nowMs || silence.endsMs <= nowMs || silence.endsMs <= (last?.endsMs ?? 0)) continue;
    if (silence.matches(transition)) last = silence;
  }
  if (last === undefined) return undefined;
  const until = new Date(last.endsMs).toISOString();
  return { reason: 'silenced', untilMs: last.endsMs, text: `Silenced by ${last.by} until ${until}: ${last.comment}` };
}
