/** Rules on trial: those in force, and files that are run over history before they page anybody. */
import type { AlertTrial, BacktestReport, BookProblem } from '../ports/alert-book.ts';
import type { Clock } from '../ports/clock.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import type { MetricReader } from '../ports/metric-reader.ts';
import { backtest } from './backtest.ts';
import { incidentPages } from './backtest-pages.ts';
import { BUILTIN_RULES } from './builtin-rules.ts';
import type { HostCounts } from './host-counts.ts';
import { newJudge } from './new-judge.ts';
import { parseRuleFile } from './rule-file.ts';
import type { RulePublisher } from './rule-publisher.ts';

export interface TrialOptions {
  readonly store: DocumentStore;
  readonly clock: Clock;
  readonly reader: MetricReader;
  readonly hosts: HostCounts;
  readonly publisher: RulePublisher;
  /** An empty store. */
  scratch(): DocumentStore;
}

export function ruleTrial(options: TrialOptions): Pick<AlertTrial, 'rules' | 'backtest'> {
  const { clock, hosts, publisher } = options;
  const breathe = (): Promise<void> => new Promise((resolve) => void clock.schedule(0, resolve));
  return {
    async rules(tenant) {
      return publisher.setOf(tenant);
    },
    async backtest(tenant, file, fromMs, toMs): Promise<BacktestReport | readonly BookProblem[]> {
      const { rules, problems } = checkRules(file);
      if (problems.length > 0) return problems;
      await hosts.refresh([tenant]);
      const pages = incidentPages({
        tenant,
        documents: options.store,
        scratch: options.scratch(),
        hosts: hosts.of(tenant),
        breathe,
      });
      return backtest({ ...options, judge: newJudge, rules: { version: 1, rules }, tenant, fromMs, toMs, pages, breathe });
    },
  };
}

/** The book's `rules` are checked by what reads them. */
export function checkRules(text: string): ReturnType<typeof parseRuleFile> {
  return parseRuleFile(text, { builtins: BUILTIN_RULES });
}
