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

/**
 * Node reads the copy by itself: vitest would transform every module of every copy, and keep it. The copy is removed at once: its
 * modules are in memory.
 * @param folders of src whose files are copied, without folders within: all that the modules import.
 * @returns all that these modules of the copy export, in one object.
 * @throws where a text does not stand once.
 */
export function sownModules(sown: readonly Sowing[], folders: readonly string[], modules: readonly string[]): object {
  const project = fileURLToPath(new URL('..', import.meta.url));
  const copy = mkdtempSync(join(tmpdir(), 'metricstream-mutant-'));
  const src = join(copy, 'src');
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
    const read = createRequire(import.meta.url);
    return Object.assign({}, ...modules.map((path) => read(join(src, path))));
  } finally {
    rmSync(copy, { recursive: true });
  }
}
