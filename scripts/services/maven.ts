/** Java programs as jars from Maven, resolved from a committed pom.xml with pinned versions and kept in the cache. */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cached, versionKey } from './cache.ts';
import { answers, runShown } from './progress.ts';

interface Jars {
  readonly name: string;
  /** Its plugin copies all jars to the folder `${jars}`. */
  readonly pom: string;
  /** The property of the pom that holds the version. */
  readonly versionProperty: string;
}

/** @returns the folder of the jars. */
export async function fetchJars({ name, pom, versionProperty }: Jars): Promise<string> {
  const version = versionOf(readFileSync(pom, 'utf8'), versionProperty);
  const folder = await cached(versionKey(name, version, [pom]), async (partial) => {
    if (!answers('mvn', '--version')) {
      throw new Error(
        `${name} ${version} comes from Maven: install maven and a Java 17 or newer (Debian: apt-get install maven).`,
      );
    }
    const incoming = join(partial, 'incoming');
    rmSync(incoming, { recursive: true, force: true });
    mkdirSync(incoming);
    await runShown({
      title: `${name} ${version}: jars from Maven`,
      argv: ['mvn', '--batch-mode', '--file', pom, `-Djars=${incoming}`, 'package'],
      cwd: dirname(pom),
      logFile: join(partial, 'maven.log'),
    });
    renameSync(incoming, join(partial, 'jars'));
  });
  return join(folder, 'jars');
}

/** The text of a property of a pom. */
export function versionOf(pom: string, property: string): string {
  const start = pom.indexOf(`<${property}>`);
  const end = pom.indexOf(`</${property}>`);
  if (start < 0 || end < start) throw new Error(`The pom has no property ${property}.`);
  return pom.slice(start + property.length + 2, end).trim();
}

/** The command of Java. @throws where there is none that is new enough. */
export function javaCommand(): string {
  const { JAVA_HOME } = process.env;
  const command = JAVA_HOME === undefined ? 'java' : join(JAVA_HOME, 'bin', 'java');
  if (!answers(command, '--version'))
    throw new Error('Kafka needs Java 17 or newer (Debian: apt-get install default-jre-headless).');
  return command;
}
