/** Incidents: what becomes of transitions until someone is told, and until it is over. One owner; every call is one commit. */
import type { Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Incident, Notification } from '../model/incident.ts';
import type { IncidentAction } from '../ports/alert-book.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import { acknowledge, addNote, resolveByHand, tellDelivery } from './incident-acts.ts';
import { retitle, takeTransition } from './incident-intake.ts';
import { incidentDueMs, settle } from './incident-pages.ts';
import type { OpenIncident } from './incident-state.ts';
import { IncidentStore } from './incident-store.ts';
import { readTenantBook, type TenantBook, type Turn } from './incident-turn.ts';
import { expireOld, forgetEnded, settleDismissed, settlePool, waitsDueMs } from './incident-waits.ts';

export interface IncidentsOptions {
  readonly store: DocumentStore;
  /** How many hosts a tenant has; 0 where that is not known. */
  hostCount(tenant: string): number;
  /** Where an incident can be looked at; undefined where the server was not told its address. */
  link(tenant: string, incident: string): string | undefined;
  /** Called with what a commit has put into the outbox, once it is durable there. */
  added?(notifications: readonly Notification[]): void;
}

export interface Incidents {
  /**
   * Keeps transitions for good, and does what is due: durable when it returns. Those that are known are passed over.
   * @throws storage_full; then nothing of it was done.
   */
  apply(transitions: readonly Transition[], nowMs: number): void;
  /** Does what is due: first pages, repeats, escalations, what silences held, retention. */
  run(nowMs: number): void;
  /** @returns when run has something to do next, Unix ms; undefined: not before something else is called. */
  nextDueMs(nowMs: number): number | undefined;
  /** Silences, maintenance, channels or routes of a tenant have changed: they count from the next call on. */
  changed(tenant: string): void;
  /** What came of a notification in the end. Told twice, it is written once. */
  delivered(notification: string, ok: boolean, detail: string, nowMs: number): void;
  /** @returns undefined where there is no such incident of this tenant. */
  act(tenant: string, incident: string, action: IncidentAction, actor: string, nowMs: number): Incident | undefined;
}

export function incidents(options: IncidentsOptions): Incidents {
  return new IncidentKeeper(options);
}

class IncidentKeeper implements Incidents {
  readonly #options: IncidentsOptions;
  readonly #books = new Map<string, TenantBook>();
  #state: IncidentStore | undefined;
  #sweptMs = 0;

  constructor(options: IncidentsOptions) {
    this.#options = options;
  }

  apply(transitions: readonly Transition[], nowMs: number): void {
    this.#commit(nowMs, (turn) => {
      const touched = new Set<OpenIncident>();
      for (const transition of transitions) takeTransition(turn, transition, touched);
      for (const open of touched) retitle(turn, open);
      this.#settle(turn);
    });
  }

  run(nowMs: number): void {
    const sweeps = Math.abs(nowMs - this.#sweptMs) >= ALERT_LIMITS.sweepMs;
    this.#commit(nowMs, (turn) => {
      this.#settle(turn);
      if (sweeps) forgetEnded(turn);
    });
    if (sweeps && expireOld(this.#options.store, nowMs)) this.#sweptMs = nowMs;
  }

  #settle(turn: Turn): void {
    const touched = new Set<OpenIncident>();
    settlePool(turn, touched);
    settleDismissed(turn, touched);
    for (const open of touched) retitle(turn, open);
    for (const open of [...turn.state.incidents()]) settle(turn, open);
  }

  nextDueMs(nowMs: number): number | undefined {
    const turn = this.#turn(nowMs);
    let dueMs = waitsDueMs(turn);
    for (const open of turn.state.incidents()) dueMs = Math.min(dueMs, incidentDueMs(turn, open));
    return dueMs === Number.POSITIVE_INFINITY ? undefined : dueMs;
  }

  changed(tenant: string): void {
    this.#books.delete(tenant);
  }

  delivered(notification: string, ok: boolean, detail: string, nowMs: number): void {
    this.#commit(nowMs, (turn) => tellDelivery(turn, notification, ok, detail));
  }

  act(tenant: string, incident: string, action: IncidentAction, actor: string, nowMs: number): Incident | undefined {
    return this.#commit(nowMs, (turn) => {
      const open = turn.state.incident(incident);
      const shown = turn.state.shown(tenant, incident);
      if (shown === undefined) return undefined;
      if (action.kind === 'note') addNote(turn, shown, open, actor, action.text);
      else if (open === undefined) return shown;
      else if (action.kind === 'acknowledge') acknowledge(turn, open, actor);
      else resolveByHand(turn, open, actor);
      return open?.incident ?? turn.state.shown(tenant, incident);
    });
  }

  #turn(nowMs: number): Turn {
    const { store, hostCount, link } = this.#options;
    this.#state ??= new IncidentStore(store);
    return { state: this.#state, nowMs, book: (tenant) => this.#book(tenant), hostCount, link };
  }

  #book(tenant: string): TenantBook {
    const known = this.#books.get(tenant) ?? readTenantBook(this.#options.store, tenant);
    this.#books.set(tenant, known);
    return known;
  }

  #commit<T>(nowMs: number, work: (turn: Turn) => T): T {
    const turn = this.#turn(nowMs);
    const { result, notifications } = this.#attempt(() => ({ result: work(turn), notifications: turn.state.commit() }));
    if (notifications.length > 0) this.#options.added?.(notifications);
    return result;
  }

  /** After a failure the state is taken up again from the store, which has nothing of it. */
  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.#state = undefined;
      throw error;
    }
  }
}
