/** The modules that judge: those of this checkout, or of a copy with a bug sown into it. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { memoryTimeSeriesStore } from '../../../src/adapters/memory/time-series-store.ts';
import { ANOMALY_MODELS } from '../../../src/alerts/anomaly.ts';
import { compileRule } from '../../../src/alerts/compile-rule.ts';
import { alertJudge } from '../../../src/alerts/evaluate.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../../src/consumers/checkpoint.ts';
import { Judging } from '../../../src/consumers/judging.ts';
import { Pipeline } from '../../../src/consumers/pipeline.ts';
import { applySeal, owesSeal, planSeal } from '../../../src/consumers/seal.ts';

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

/** One place in one file of src: the text has to stand there exactly once. */
export interface Sown {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** @returns the modules of a copy of src with the bug in it. The copy is removed at once: they are in memory. */
export async function sownSystem({ file, find, put }: Sown): Promise<JudgeSystem> {
  const project = fileURLToPath(new URL('../../..', import.meta.url));
  const copy = mkdtempSync(join(tmpdir(), 'metricstream-judge-'));
  try {
    symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'));
    writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
    for (const folder of FOLDERS) cpSync(join(project, 'src', folder), join(copy, 'src', folder), { recursive: true });
    const path = join(copy, 'src', file);
    const parts = readFileSync(path, 'utf8').split(find);
    if (parts.length !== 2)
      throw new Error(`${JSON.stringify(find)} stands ${parts.length - 1} times in ${file}; it has to stand once`);
    writeFileSync(path, parts.join(put));
    const load = (module: string): Promise<object> => import(/* @vite-ignore */ pathToFileURL(join(copy, 'src', module)).href);
    return Object.assign({}, ...(await Promise.all(MODULES.map(load)))) as JudgeSystem;
  } finally {
    rmSync(copy, { recursive: true });
  }
}
