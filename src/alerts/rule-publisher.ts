/** Brings the rules of tenants to every partition: what is kept of them, and whether it is there. */
import type { AlertControl, RuleSet } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { BUILTIN_RULES } from './builtin-rules.ts';
import { parseRuleFile } from './rule-file.ts';

/** id = `set`, body = {version, told}: the version in force, and the one that every partition has. Versions rise though a file is deleted. */
const RULE_SET_KIND = 'rule_set';
const SET_ID = 'set';

interface Told {
  readonly version: number;
  readonly told: number;
}

export interface RulePublisherOptions {
  readonly store: DocumentStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** The text of a tenant's rule file; undefined where it has none. */
  fileOf(tenant: string): string | undefined;
  /** Tells every partition; resolves when that is durable. Told twice is told once. */
  publish(control: AlertControl): Promise<void>;
}

export interface RulePublisher {
  /** The rules in force. A file that this version cannot read has the built-in ones in its place. */
  setOf(tenant: string): RuleSet;
  /** The file of a tenant was changed or removed. */
  changed(tenant: string): void;
  /** Tells what is not told yet. Never rejects: what fails is told again. */
  run(): Promise<void>;
  /** When run has something to do; undefined: when something is changed. */
  nextDueMs(): number | undefined;
}

export function rulePublisher(options: RulePublisherOptions): RulePublisher {
  const { store, clock, telemetry, fileOf, publish } = options;
  let running: Promise<void> | undefined;
  let retryMs = 0;
  const read = (tenant: string): Told => {
    const document = store.get({ tenant, kind: RULE_SET_KIND, id: SET_ID });
    return document === undefined ? { version: 0, told: 0 } : (JSON.parse(document.body) as Told);
  };
  const write = (tenant: string, told: Told): void => {
    store.commit([{ tenant, kind: RULE_SET_KIND, id: SET_ID, atMs: clock.nowMs(), parent: '', body: JSON.stringify(told) }]);
  };
  const owing = (): string[] => {
    const documents = store.list({ tenant: undefined, kind: RULE_SET_KIND, max: ALERT_LIMITS.ruleTenantsMax });
    return documents.filter(({ body }) => isOwed(JSON.parse(body) as Told)).map(({ tenant }) => tenant);
  };
  const setOf = (tenant: string): RuleSet => {
    const file = fileOf(tenant);
    const { rules, problems } = parseRuleFile(file ?? '', { builtins: BUILTIN_RULES });
    const { version } = read(tenant);
    if (problems.length === 0) return { version, rules };
    telemetry.log('error', 'a rule file cannot be read any more; the built-in rules stand in for it', {
      tenant,
      problem: problems[0]?.message,
    });
    return { version, rules: BUILTIN_RULES };
  };
  const tellAll = async (): Promise<void> => {
    for (const tenant of owing()) {
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
      // While it was told, there may have been another change.
      write(tenant, { version: read(tenant).version, told: rules.version });
    }
  };
  return {
    setOf,
    changed(tenant) {
      const { version, told } = read(tenant);
      write(tenant, { version: version + 1, told });
      retryMs = 0;
    },
    run() {
      running ??= tellAll().finally(() => {
        running = undefined;
      });
      return running;
    },
    nextDueMs: () => (owing().length === 0 ? undefined : retryMs),
  };
}

function isOwed({ version, told }: Told): boolean {
  return told < version;
}
