/** A judge as the product has it: the rule language, the built-in rules, the anomaly models. */
import type { AlertJudge, JudgeState } from '../ports/alert-judge.ts';
import { ANOMALY_MODELS } from './anomaly.ts';
import { BUILTIN_RULES } from './builtin-rules.ts';
import { compileRule } from './compile-rule.ts';
import { alertJudge } from './evaluate.ts';

/** For one partition, or for one host on trial. It knows nothing yet. */
export function newJudge(): AlertJudge & JudgeState {
  return alertJudge({ compile: compileRule, builtins: BUILTIN_RULES, models: ANOMALY_MODELS });
}
