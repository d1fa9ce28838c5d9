/** The modules that judge: those of this checkout, or of a copy with a bug sown into it. */
import { memoryTimeSeriesStore } from '../../../src/adapters/memory/time-series-store.ts';
import { ANOMALY_MODELS } from '../../../src/alerts/anomaly.ts';
import { compileRule } from '../../../src/alerts/compile-rule.ts';
import { alertJudge } from '../../../src/alerts/evaluate.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../../src/consumers/checkpoint.ts';
import { Judging } from '../../../src/consumers/judging.ts';
import { Pipeline } from '../../../src/consumers/pipeline.ts';
import { applySeal, owesSeal, planSeal } from '../../../src/consumers/seal.ts';
import { type Sowing, sownModules } from '../../sown-copy.ts';

export const JUDGE_SYSTEM = {
  ANOMALY_MODELS,
  alertJudge,
  applySeal,
  compileRule,
  decodeCheckpoint,
  encodeCheckpoint,
  Judging,
  memoryTimeSeriesStore,
  owesSeal,
  Pipeline,
  planSeal,
};
export type JudgeSystem = typeof JUDGE_SYSTEM;

const MODULES = [
  'adapters/memory/time-series-store.ts',
  'alerts/anomaly.ts',
  'alerts/compile-rule.ts',
  'alerts/evaluate.ts',
  'consumers/checkpoint.ts',
  'consumers/judging.ts',
  'consumers/pipeline.ts',
  'consumers/seal.ts',
];
/** All that those import. */
const FOLDERS = ['adapters/memory', 'adapters/embedded', 'alerts', 'consumers', 'model', 'ports', 'protocols'];

/** @returns the modules of a copy of src with the bug in it. */
export function sownSystem(sown: Sowing): JudgeSystem {
  return sownModules([sown], FOLDERS, MODULES) as JudgeSystem;
}
