/** A copy of src with bugs sown into it, for tests of the tests. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One place in one file of src: the text has to stand there exactly once. */
export interface Sowing {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

export interface SownCopy {
  /** The copy of src. */
  readonly src: string;
  remove(): void;
}

/** @param folders of src that are copied; left out: all. @throws where a text does not stand once; then no copy is left. */
export function sownCopy(sown: readonly Sowing[], folders: readonly string[] = ['.']): SownCopy {
  const project = fileURLToPath(new URL('..', import.meta.url));
  const copy = mkdtempSync(join(tmpdir(), 'metricstream-mutant-'));
  const src = join(copy, 'src');
  const remove = (): void => rmSync(copy, { recursive: true });
  try {
    symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'));
    writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
    for (const folder of folders) cpSync(join(project, 'src', folder), join(src, folder), { recursive: true });
    for (const { file, find, put } of sown) {
      const path = join(src, file);
      const parts = readFileSync(path, 'utf8').split(find);
      if (parts.length !== 2)
        throw new Error(`${JSON.stringify(find)} stands ${parts.length - 1} times in ${file}; it has to stand once`);
      writeFileSync(path, parts.join(put));
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { src, remove };
}
