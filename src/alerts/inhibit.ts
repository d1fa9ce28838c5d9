/** Inhibition: a host that says nothing has one trouble; its other alerts follow from it. */
import type { Transition } from '../model/alert.ts';
import type { Hold } from './silences.ts';

/** The built-in rule that tells of hosts that say nothing. */
export const SILENT_RULE = 'HostSilent';

export function isHostSilent(transition: Transition): boolean {
  return transition.rule === SILENT_RULE;
}

/** @param isSilent whether an alert says so of a host. */
export function inhibitionOf(transition: Transition, isSilent: (tenant: string, client: string) => boolean): Hold | undefined {
  if (isHostSilent(transition) || !isSilent(transition.tenant, transition.client)) return undefined;
  return { reason: 'inhibited', untilMs: undefined, text: `Inhibited: ${transition.client} is silent.` };
}
