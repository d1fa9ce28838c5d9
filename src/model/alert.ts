/** The words of alerting: rules as data, the states of an alert, and the transitions between them. */

/** Alert states. `unknown`: the data that a pending or firing alert rests on are missing or incomplete; it is never taken for resolved. */
export const ALERT_STATES = ['inactive', 'pending', 'firing', 'recovering', 'unknown', 'resolved'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/** What a rule says otherwise for some hosts or series. All of `match` has to hold; `*` stands for any text. The first that matches counts. */
export interface RuleOverride {
  /** By `host`, `datacenter`, `environment`, or a label of the series. */
  readonly match: Readonly<Record<string, string>>;
  readonly enabled?: boolean | undefined;
  readonly params?: Readonly<Record<string, number>> | undefined;
  readonly forMs?: number | undefined;
  readonly keepFiringForMs?: number | undefined;
  readonly severity?: string | undefined;
}

/** One alert rule, as its file says it with all defaults filled in. Plain data: it travels in the log. */
export interface RuleSpec {
  readonly group: string;
  /** Its name; with the group its identity. */
  readonly alert: string;
  /** CEL: true where the alert holds. */
  readonly expr: string;
  /** CEL: what ends a firing alert, where that is not just `expr` being false. */
  readonly clear: string | undefined;
  /** How long in event time `expr` has to hold before it fires. 0: at once, on a sample. */
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly severity: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Templates: `{{ host }}`, `{{ labels.mount }}`, `{{ value }}`, `{{ values["avg(cpu)"] }}`. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Numbers that `expr` reads as `params.NAME`, so that an override changes them alone. */
  readonly params: Readonly<Record<string, number>>;
  readonly overrides: readonly RuleOverride[];
}

/** All rules of a tenant, built-in ones included. */
export interface RuleSet {
  /** Rises with each change; a lower one that comes later is passed over. */
  readonly version: number;
  readonly rules: readonly RuleSpec[];
}

/** What is told to every partition by way of its log. */
export type AlertControl =
  | { readonly kind: 'rules'; readonly tenant: string; readonly rules: RuleSet }
  /** The client is gone for good: its alerts end, and it is not missed. A push brings it back. */
  | { readonly kind: 'retired'; readonly tenant: string; readonly client: string };

/** Why an alert ended, or is unknown, other than by its expression. */
export type TransitionReason =
  | 'no_data'
  | 'incomplete'
  | 'expired'
  | 'rule_removed'
  | 'rule_disabled'
  | 'retired'
  | 'samples_late';

/**
 * An alert changed its state; or, `amended`, a late sample changed what a judged minute says: that is history and pages nobody.
 * The id is a function of the rule, the series and event time: a replay gives the same.
 */
export interface Transition {
  readonly id: string;
  readonly tenant: string;
  readonly client: string;
  readonly datacenter: string | undefined;
  readonly environment: string | undefined;
  readonly group: string;
  readonly rule: string;
  /** Of the rule set that judged. 0: the built-in one. */
  readonly rulesVersion: number;
  /** Identity of the alert: one for each rule, client and label set. */
  readonly alert: string;
  readonly severity: string;
  /** The rule's labels and the series' own. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly from: AlertState;
  readonly to: AlertState;
  readonly amended: boolean;
  readonly reason: TransitionReason | undefined;
  /** Event time, Unix ms, at which the condition began to hold: the start of its first window, or the sample. */
  readonly onsetMs: number;
  /** Event time that decided: the end of the window, the sample, or log time where data are missing. */
  readonly atMs: number;
  /** Start of the judged minute; undefined where it was a sample, or none. */
  readonly windowMs: number | undefined;
  /** Log time at which it was judged. */
  readonly judgedMs: number;
  /** What the expression read, by how it was written: `avg(cpu)` → 93.2. */
  readonly values: Readonly<Record<string, number>>;
  /** Sentences that say how a score came about. */
  readonly explanations: readonly string[];
}
