/** Brings the rules of tenants to every partition: what is kept of them, and whether it is there. */
import type { AlertControl, RuleSet } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { Document, DocumentStore } from '../ports/document-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { ruleFileOf } from './book.ts';
import { BUILTIN_RULES } from './builtin-rules.ts';
import { parseRuleFile } from './rule-file.ts';

/** id = `set`, body = the version of the rule file that every partition has. */
const TOLD_KIND = 'rules_told';
const TOLD_ID = 'set';

export interface RulePublisherOptions {
  readonly store: DocumentStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Tells every partition; resolves when that is durable. Told twice is told once. */
  publish(control: AlertControl): Promise<void>;
}

export interface RulePublisher {
  /** The rule file of a tenant was changed. */
  changed(tenant: string): void;
  /** The rules in force. A file that this version cannot read has the built-in ones in its place. */
  setOf(tenant: string): RuleSet;
  /** Tells what is not told yet. Never rejects: what fails is told again. */
  run(): Promise<void>;
  /** When run has something to do; undefined: when something is changed. */
  nextDueMs(): number | undefined;
}

export function rulePublisher(options: RulePublisherOptions): RulePublisher {
  const { store, clock, telemetry, publish } = options;
  let running: Promise<void> | undefined;
  let retryMs = 0;
  const toldOf = (tenant: string): number => Number(store.get({ tenant, kind: TOLD_KIND, id: TOLD_ID })?.body ?? 0);
  // A file has up to 256 KiB: all are read once, and then those that are changed.
  let owed: Set<string> | undefined;
  const owing = (): Set<string> => {
    if (owed !== undefined) return owed;
    owed = new Set();
    for (const { tenant, version } of ruleFiles(store)) if (toldOf(tenant) < version) owed.add(tenant);
    return owed;
  };
  const parsed = new Map<string, RuleSet>();
  const setOf = (tenant: string): RuleSet => {
    const { version, text } = ruleFileOf(store, tenant);
    const known = parsed.get(tenant);
    if (known?.version === version) return known;
    const set = { version, rules: rulesOf(tenant, text) };
    parsed.delete(tenant);
    parsed.set(tenant, set);
    const [oldest] = parsed.keys();
    if (parsed.size > ALERT_LIMITS.ruleSetsHeldMax && oldest !== undefined) parsed.delete(oldest);
    return set;
  };
  const rulesOf = (tenant: string, text = ''): RuleSet['rules'] => {
    const { rules, problems } = parseRuleFile(text, { builtins: BUILTIN_RULES });
    const [problem] = problems;
    if (problem === undefined) return rules;
    const fields = { tenant, problem: problem.message };
    telemetry.log('error', 'a rule file cannot be read any more; the built-in rules stand in for it', fields);
    return BUILTIN_RULES;
  };
  const tellAll = async (): Promise<void> => {
    for (const tenant of [...owing()]) {
      const rules = setOf(tenant);
      try {
        await publish({ kind: 'rules', tenant, rules });
      } catch (error) {
        retryMs = clock.nowMs() + ALERT_LIMITS.retryFirstMs;
        telemetry.log('warn', 'rules could not be told to every partition; they are told again', {
          tenant,
          error: String(error),
        });
        return;
      }
      const key = { tenant, kind: TOLD_KIND, id: TOLD_ID };
      store.commit([{ ...key, atMs: clock.nowMs(), parent: '', body: String(rules.version) }]);
      // It may have been changed meanwhile.
      if (ruleFileOf(store, tenant).version <= rules.version) owing().delete(tenant);
    }
  };
  return {
    changed: (tenant) => void owing().add(tenant),
    setOf,
    run() {
      running ??= tellAll().finally(() => {
        running = undefined;
      });
      return running;
    },
    nextDueMs: () => (owing().size === 0 ? undefined : Math.min(retryMs, clock.nowMs() + ALERT_LIMITS.retryFirstMs)),
  };
}

/** All rule files, a few at a time. */
function* ruleFiles(store: DocumentStore): Iterable<Document> {
  let after: Document | undefined;
  do {
    const page = store.list({ tenant: undefined, kind: 'rules', after, max: ALERT_LIMITS.ruleSetsHeldMax });
    yield* page;
    after = page.at(-1);
  } while (after !== undefined);
}
