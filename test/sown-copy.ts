/** A copy of src with bugs sown into it, for tests of the tests. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
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
  /**
   * All that these modules of the copy export, in one object. Node reads them by itself: vitest would transform every module of
   * every copy, and keep it.
   */
  load(modules: readonly string[]): object;
  remove(): void;
}

/**
 * @param folders of src whose files are copied, without folders within.
 * @throws where a text does not stand once; then no copy is left.
 */
export function sownCopy(sown: readonly Sowing[], folders: readonly string[]): SownCopy {
  const project = fileURLToPath(new URL('..', import.meta.url));
  const copy = mkdtempSync(join(tmpdir(), 'metricstream-mutant-'));
  const src = join(copy, 'src');
  const remove = (): void => rmSync(copy, { recursive: true });
  try {
    symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'));
    writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
    for (const folder of folders) {
      mkdirSync(join(src, folder), { recursive: true });
      for (const entry of readdirSync(join(project, 'src', folder), { withFileTypes: true }))
        if (entry.isFile()) copyFileSync(join(entry.parentPath, entry.name), join(src, folder, entry.name));
    }
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
  const read = createRequire(import.meta.url);
  const load = (modules: readonly string[]): object => Object.assign({}, ...modules.map((path) => read(join(src, path))));
  return { load, remove };
}
