/** What the command line loads before it knows which command it is given. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parseSource } from '../tidy/source.ts';

/** The packages that a file imports, itself or by what it imports; what `import()` fetches is left out. */
function packagesOf(path: string, seen = new Set<string>()): Set<string> {
  const packages = new Set<string>();
  if (seen.has(path)) return packages;
  seen.add(path);
  const source = parseSource(path, readFileSync(path, 'utf8'));
  for (const node of source.nodes('ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration')) {
    const from = (node.source as { readonly value: string } | null)?.value;
    if (from === undefined || from.startsWith('node:') || node.importKind === 'type' || node.exportKind === 'type') continue;
    if (!from.startsWith('.')) packages.add(from);
    else for (const name of packagesOf(join(dirname(path), from), seen)) packages.add(name);
  }
  return packages;
}

test('no command waits for the libraries of services, or for those of a server where it is none', () => {
  const services = ['@platformatic/kafka', '@redis/client', '@influxdata/influxdb-client', '@upstash/kafka', '@upstash/redis'];
  const common = packagesOf('src/runtimes/cli.ts');
  expect(common).toContain('commander');
  for (const name of [...services, 'hono', 'zod', 'nodemailer', 'systeminformation']) expect(common).not.toContain(name);
  const server = packagesOf('src/runtimes/server.ts');
  expect(server).toContain('hono');
  for (const name of services) expect(server).not.toContain(name);
});
