/** What people do to an incident: acknowledge it, silence it, resolve it. */

import { MetricStreamError } from '../../../../model/errors.ts';
import { HOUR_MS } from '../../../../model/window.ts';
import type { AlertAnswer, IncidentAlertAnswer, IncidentRow } from '../../alerts/answers.ts';
import { type Match, matchText, silenceMatch } from '../../alerts/matchers.ts';
import type { Services } from '../services.ts';
import type { Changed, IncidentAct } from './alert-api.ts';
import { choiceButton } from './parts.ts';

/** @throws invalid_body in the words of the server, where a change was not made. */
export function expectDone<T>(changed: Changed<T>): T {
  if (changed.kind === 'done') return changed.value;
  if (changed.kind === 'stale') throw new MetricStreamError('stale', 'Somebody changed it meanwhile.');
  throw new MetricStreamError('invalid_body', problemsText(changed.problems));
}

export function problemsText(
  problems: readonly { readonly line: number; readonly path: string; readonly message: string }[],
): string {
  return problems
    .map(({ line, path, message }) => [line > 0 ? `line ${line}` : '', path, message].filter((part) => part !== '').join(': '))
    .join(' · ');
}

/** Does it, and shows at once what came of it. */
export async function actOn(services: Services, id: string, act: IncidentAct): Promise<void> {
  services.incidents.put(expectDone(await services.alerts.act(id, act)));
}

const SPANS = [
  ['1 h', HOUR_MS],
  ['4 h', 4 * HOUR_MS],
  ['24 h', 24 * HOUR_MS],
] as const;

export interface SilenceWhat {
  /** Asked when it is clicked: the incident and its alerts as they are known then; undefined: not yet. */
  readonly about: () =>
    | { readonly incident: IncidentRow; readonly alerts: readonly (AlertAnswer | IncidentAlertAnswer)[] }
    | undefined;
  readonly done: (match: Match) => void;
}

/** What is shown when it is opened is what is silenced. */
export function silenceButton(services: Services, { about, done }: SilenceWhat, look = 'is-small'): HTMLElement {
  let chosen: { readonly match: Match; readonly title: string } | undefined;
  const headOf = (): string => {
    const known = about();
    const match = known && silenceMatch(known.incident, known.alerts);
    chosen = known && match && { match, title: known.incident.title };
    return match === undefined ? 'Not read yet: try again.' : matchText(match);
  };
  const silence = async (spanMs: number): Promise<void> => {
    if (chosen === undefined) return;
    const { match, title } = chosen;
    const endsMs = Math.round(services.now() + spanMs);
    expectDone(await services.alerts.create('silences', { match, comment: `For: ${title}`, ends_ms: endsMs }));
    done(match);
    services.incidents.refresh();
  };
  return choiceButton(
    services,
    'Silence',
    headOf,
    SPANS.map(([label, spanMs]) => [label, () => silence(spanMs)] as const),
    look,
  );
}
