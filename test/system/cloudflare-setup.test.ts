/** `metricstream cloudflare setup` with a wrangler that only writes down what it is given. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { tokenVerifier } from '../../src/edge/keys.ts';
import { SERVERS, type TestHost } from './hosts.ts';

const CLI = resolve('src/runtimes/cli.ts');
const dirs: string[] = [];

afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** What `secret list` answers and how it ends, and how `secret put` ends. */
interface Fake {
  readonly list?: string;
  readonly listCode?: number;
  readonly putCode?: number;
  /** Ends without reading what it is given. */
  readonly deaf?: boolean;
}

const script = ({ list = '[]', listCode = 0, putCode = 0, deaf = false }: Fake): string => `#!/bin/sh
printf '%s\\n' "$@" > "$RECORD/$2.argv"
env > "$RECORD/$2.env"
if [ "$2" = list ]; then echo '${list}'; exit ${listCode}; fi
${deaf ? '' : 'cat > "$RECORD/$2.stdin"'}
if [ ${putCode} -ne 0 ]; then echo 'it is necessary to set CLOUDFLARE_API_TOKEN' >&2; fi
exit ${putCode}
`;

function setUp({ command: [command, ...runtime] }: TestHost, fake: Fake | undefined, ...flags: string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'metricstream-setup-'));
  dirs.push(dir);
  const [bin, record, home] = ['bin', 'record', 'home'].map((name) => join(dir, name)) as [string, string, string];
  for (const path of [bin, record, home]) mkdirSync(path);
  if (fake !== undefined) writeFileSync(join(bin, 'wrangler'), script(fake), { mode: 0o755 });
  const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: home, RECORD: record };
  const args = [...runtime, CLI, 'cloudflare', 'setup', ...flags];
  const { status, stdout, stderr } = spawnSync(resolve(command), args, { encoding: 'utf8', cwd: home, env });
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = new Map(files.map(({ name, parentPath }) => [name, readFileSync(join(parentPath, name), 'utf8')]));
  return { status, stdout, stderr, texts, recorded: (name: string) => texts.get(name) };
}

/** Whatever else serves, these execute the command line. */
const COMMAND_LINES = SERVERS;

describe.each(COMMAND_LINES)('cloudflare setup on $name', (host) => {
  test('hands wrangler a secret of 32 random bytes on stdin, and shows it nowhere', async () => {
    const one = setUp(host, {}, '--name', 'my-metrics', '--env', 'staging');
    expect([one.status, one.stderr]).toEqual([0, expect.stringContaining('shown once')]);
    const secret = one.recorded('put.stdin') ?? '';
    expect(Buffer.from(secret, 'base64url').length).toBe(32);
    expect(Buffer.from(secret, 'base64url').toString('base64url')).toBe(secret);
    const which = ['--name', 'my-metrics', '--env', 'staging', ''].join('\n');
    expect(one.recorded('put.argv')).toBe(`secret\nput\nMETRICSTREAM_SECRET\n${which}`);
    expect(one.recorded('list.argv')).toBe(`secret\nlist\n--format\njson\n${which}`);
    for (const [name, text] of [...one.texts, ['stdout', one.stdout], ['stderr', one.stderr]] as const)
      if (name !== 'put.stdin') expect(text.includes(secret), name).toBe(false);
    for (const name of ['list.env', 'put.env']) expect(one.recorded(name)).toMatch(/^WRANGLER_SEND_METRICS=false$/m);
    expect(setUp(host, {}).recorded('put.stdin')).not.toBe(secret);
  });

  test('prints an admin, an ingest and a read key that the secret has signed', async () => {
    const { stdout, recorded } = setUp(host, {}, '--tenant', 'acme');
    const verify = tokenVerifier({ current: recorded('put.stdin') ?? '' });
    const lines = stdout.trimEnd().split('\n');
    const granted = await Promise.all(lines.map((line) => verify('key', line.split(' ')[1] ?? '', Date.now())));
    expect(granted.map((one) => [one?.role, one?.tenant])).toEqual(['admin', 'ingest', 'read'].map((role) => [role, 'acme']));
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['admin', 'ingest', 'read']);
    expect(recorded('put.argv')).toBe('secret\nput\nMETRICSTREAM_SECRET\n');
  });

  test('makes the secret of a Worker that is not there yet', () => {
    const { status, recorded } = setUp(host, { list: 'Worker "metricstream" not found.', listCode: 1 });
    expect([status, recorded('put.stdin')?.length]).toEqual([0, 43]);
  });

  test('leaves a secret that is there, unless it is told to replace it', () => {
    const list = '[{"name":"METRICSTREAM_SECRET","type":"secret_text"}]';
    const kept = setUp(host, { list });
    expect([kept.status, kept.stdout, kept.recorded('put.argv')]).toEqual([1, '', undefined]);
    expect(kept.stderr).toContain('--replace');
    const replaced = setUp(host, { list }, '--replace');
    expect([replaced.status, replaced.recorded('put.stdin')?.length]).toEqual([0, 43]);
  });

  test.each([
    ['wrangler is not logged in', { list: 'You are not logged in', listCode: 1 }, 'You are not logged in'],
    ['wrangler refuses the secret', { putCode: 1 }, 'CLOUDFLARE_API_TOKEN'],
    ['wrangler ends without reading', { putCode: 1, deaf: true }, 'CLOUDFLARE_API_TOKEN'],
    ['there is no wrangler', undefined, 'npm install --save-dev wrangler'],
  ])('fails with a reason, and without a key, where %s', (_what, fake, reason) => {
    const { status, stdout, stderr, texts, recorded } = setUp(host, fake);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(reason);
    const secret = recorded('put.stdin');
    if (secret !== undefined)
      expect([...texts].filter(([, text]) => text.includes(secret)).map(([name]) => name)).toEqual(['put.stdin']);
    expect(stderr).not.toContain(secret ?? 'eyJ');
  });

  test('refuses a tenant that cannot be before anything has changed', () => {
    const { status, recorded } = setUp(host, {}, '--tenant', 'NO SPACES');
    expect([status, recorded('put.argv')]).toEqual([1, undefined]);
  });
});
