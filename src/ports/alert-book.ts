/** What people and panels ask of alerting. In process on servers, a call to the control object on Workers: all is plain data. */
import type { RuleSpec, Transition } from '../model/alert.ts';
import type { BookKind, HistoryEntry, Incident } from '../model/incident.ts';

export interface Entry {
  readonly id: string;
  /** The ETag. */
  readonly version: number;
  readonly changedMs: number;
  /** As its schema says; secrets are left out. */
  readonly body: unknown;
}

export interface Change {
  readonly tenant: string;
  readonly kind: BookKind;
  readonly id: string;
  /** Who asks: the id of the key. */
  readonly actor: string;
  /** Only where this is the version; 0: only where there is none; undefined: whatever is there. */
  readonly ifVersion: number | undefined;
}

/** Problems of a body or a rule file, each with its place. */
export interface BookProblem {
  /** Line of a rule file, from 1; 0 where it has none. */
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

export type ChangeOutcome =
  | { readonly kind: 'done'; readonly entry: Entry | undefined }
  | { readonly kind: 'stale'; readonly version: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly problems: readonly BookProblem[] };

/** Documents of a tenant, all changes of which are audited. */
export interface AlertBook {
  /** By id. */
  list(tenant: string, kind: BookKind): Promise<readonly Entry[]>;
  /** Makes or changes one; durable, and audited in the same commit, when it resolves. */
  put(change: Change, body: unknown): Promise<ChangeOutcome>;
  /** @returns `invalid` where something else needs it. */
  remove(change: Change): Promise<ChangeOutcome>;
  /** Newest first. */
  audit(tenant: string, fromMs: number, max: number): Promise<readonly AuditEntry[]>;
}

export interface AuditEntry {
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly kind: string;
  readonly id: string;
}

export interface HistoryQuery {
  readonly tenant: string;
  /** Of one incident; undefined: all. */
  readonly incident: string | undefined;
  readonly rule: string | undefined;
  readonly client: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly max: number;
}

export type IncidentAction =
  | { readonly kind: 'acknowledge' }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'resolve' };

/** Mean times of what was resolved in a stretch of time; undefined where nothing was. */
export interface ResponseTimes {
  /** The rule, the host or the team. */
  readonly key: string;
  readonly incidents: number;
  /** From onset in event time to the first page, and from opening to resolution, ms. */
  readonly mttdMs: number | undefined;
  readonly mttrMs: number | undefined;
}

export interface IncidentDesk {
  /** Newest first, by when they were opened. */
  incidents(query: {
    readonly tenant: string;
    /** Only this one, whatever else is asked for; undefined: all. */
    readonly id?: string | undefined;
    readonly state: Incident['state'] | 'active' | undefined;
    readonly fromMs: number;
    readonly toMs: number;
    readonly max: number;
  }): Promise<readonly Incident[]>;
  /** Ascending by time. */
  history(query: HistoryQuery): Promise<readonly HistoryEntry[]>;
  /** @returns undefined where there is no such incident of this tenant. */
  act(tenant: string, incident: string, action: IncidentAction, actor: string): Promise<Incident | undefined>;
  /** @param by `label:NAME` groups by a label of the alerts. */
  responseTimes(
    tenant: string,
    by: 'rule' | 'host' | `label:${string}`,
    fromMs: number,
    toMs: number,
  ): Promise<readonly ResponseTimes[]>;
}

/** An alert as it stands: pending ones, too. */
export interface ActiveAlert {
  readonly transition: Transition;
  /** Of its incident; empty where it has none. */
  readonly incident: string;
}

export interface BacktestReport {
  readonly fromMs: number;
  readonly toMs: number;
  readonly transitions: readonly Transition[];
  /** Alerts that fired, and how often one of them fired again within flapWindowMs. */
  readonly firings: number;
  readonly flaps: number;
  /** Pages after grouping, silences and maintenance. */
  readonly pages: number;
  /** By rule. */
  readonly rules: readonly { readonly rule: string; readonly firings: number; readonly pages: number; readonly flaps: number }[];
  /** Windows that were corrected after they had been judged, and the like: where live and backtest may differ. */
  readonly notes: readonly string[];
}

export interface AlertTrial {
  /** The rules in force, built-in ones included. */
  rules(tenant: string): Promise<{ readonly version: number; readonly rules: readonly RuleSpec[] }>;
  /** Those that are not over, newest first. */
  alerts(tenant: string): Promise<readonly ActiveAlert[]>;
  /** Runs a rule file over stored history; over none where the times are equal: that checks it. @returns problems where the file has some. */
  backtest(tenant: string, file: string, fromMs: number, toMs: number): Promise<BacktestReport | readonly BookProblem[]>;
  /** Sends a test page. @returns what came of it, in words; undefined where there is no such channel. */
  testChannel(tenant: string, channel: string): Promise<{ readonly delivered: boolean; readonly detail: string } | undefined>;
}

export interface Fleet {
  /** The host is gone for good: its alerts end, and it is not missed. A push brings it back. Resolves when every partition knows. */
  retire(tenant: string, client: string, actor: string): Promise<void>;
}
