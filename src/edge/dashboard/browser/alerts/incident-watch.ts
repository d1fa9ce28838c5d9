/** Keeps an eye on what is open, whatever the page shows: for the badge, and for the list itself. */

import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import { MetricStreamError } from '../../../../model/errors.ts';
import type { IncidentRow } from '../../alerts/answers.ts';
import type { AlertApi } from './alert-api.ts';

export interface WatchOptions {
  readonly api: AlertApi;
  readonly every: (intervalMs: number, run: () => void) => () => void;
  readonly report: (failure: unknown) => void;
  /** After each question: whether it was answered. */
  readonly outcome: (answered: boolean) => void;
}

export interface IncidentWatch {
  /** Those that are not resolved; undefined until the first answer. */
  readonly active: readonly IncidentRow[] | undefined;
  /** The server has no alerts. */
  readonly absent: boolean;
  start(): void;
  stop(): void;
  /** Asks now. */
  refresh(): void;
  /** What a change answered, before the next answer says the same. */
  put(incident: IncidentRow): void;
  /** @returns unsubscribe. */
  readonly onChange: (run: () => void) => () => void;
}

function listeners() {
  const all = new Set<() => void>();
  return {
    tell: () => {
      for (const run of all) run();
    },
    onChange: (run: () => void) => {
      all.add(run);
      return () => all.delete(run);
    },
  };
}

export function incidentWatch({ api, every, report, outcome }: WatchOptions): IncidentWatch {
  const { tell, onChange } = listeners();
  let active: readonly IncidentRow[] | undefined;
  let absent = false;
  let asking = false;
  let started = false;
  let stopPolling = (): void => {};
  /** Rises with each change that a person makes: an answer that was asked for before is passed over. */
  let changes = 0;
  const ask = async (): Promise<void> => {
    const before = changes;
    const answer = await api.incidents({ state: 'active', limit: ALERT_LIMITS.incidentsShownMax });
    if (before !== changes || !started) return;
    active = answer;
    tell();
  };
  const refresh = (): void => {
    if (asking || absent || !started || document.hidden) return;
    asking = true;
    ask()
      .then(() => outcome(true))
      .catch((failure: unknown) => {
        absent = failure instanceof MetricStreamError && failure.code === 'not_found';
        if (absent) {
          tell();
          return;
        }
        outcome(false);
        if (started) report(failure);
      })
      .finally(() => {
        asking = false;
      });
  };
  document.addEventListener('visibilitychange', refresh);

  return {
    get active() {
      return active;
    },
    get absent() {
      return absent;
    },
    start() {
      if (started) return;
      started = true;
      stopPolling = every(ALERT_LIMITS.pageAlertPollMs, refresh);
      refresh();
    },
    stop() {
      started = false;
      active = undefined;
      stopPolling();
      tell();
    },
    refresh,
    put(incident) {
      changes++;
      const others = (active ?? []).filter(({ id }) => id !== incident.id);
      active = incident.state === 'resolved' ? others : [...others, incident];
      tell();
    },
    onChange,
  };
}
