/** `metricstream cloudflare`: sets a Worker up, by the wrangler that its operator has. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { createKey } from '../edge/keys.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';

const SECRET_NAME = 'METRICSTREAM_SECRET';
const SECRET_BYTES = 32;
const ROLES = ['admin', 'ingest', 'read'] as const;

interface SetupFlags {
  readonly name?: string;
  readonly env?: string;
  readonly tenant: string;
  readonly replace: boolean;
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export function cloudflareCommand(): Command {
  return new Command('cloudflare').description('set up a Worker on Cloudflare').addCommand(setupCommand());
}

function setupCommand(): Command {
  const command = new Command('setup').description('make the secret of a Worker, hand it to wrangler, and print the first keys');
  return command
    .option('--name <worker>', 'the Worker, as wrangler knows it; default: the one of wrangler.toml')
    .option('--env <environment>', 'an environment of wrangler.toml')
    .option('--tenant <tenant>', 'whose keys are printed', 'default')
    .option('--replace', 'where the Worker has a secret already: make another, which ends every key signed with it', false)
    .action(async (flags: SetupFlags) => {
      try {
        process.stdout.write(await setUp(flags));
        process.stderr.write('These keys are shown once; the secret that signed them is kept by Cloudflare alone.\n');
      } catch (error) {
        command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
}

/** @returns a line for each key. The secret is in this process and on wrangler's stdin, and nowhere else. */
async function setUp(flags: SetupFlags): Promise<string> {
  const which = [
    ...(flags.name === undefined ? [] : ['--name', flags.name]),
    ...(flags.env === undefined ? [] : ['--env', flags.env]),
  ];
  if (!flags.replace && (await hasSecret(which)))
    throw new MetricStreamError(
      'invalid_request',
      `the Worker has a ${SECRET_NAME} already; with --replace every key that it signed ends`,
    );
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  // Made first: a tenant that cannot be is refused before anything has changed.
  const lines: string[] = [];
  for (const role of ROLES) {
    const { key } = await createKey(secret, { tenant: flags.tenant, role }, Date.now());
    lines.push(`${role} ${key}\n`);
  }
  const { code, output } = await wrangler(['secret', 'put', SECRET_NAME, ...which], secret);
  if (code !== 0) throw new MetricStreamError('unavailable', failure('secret put', output.replaceAll(secret, '***')));
  return lines.join('');
}

/** A Worker that is not there yet has none: `secret put` makes it. */
async function hasSecret(which: readonly string[]): Promise<boolean> {
  const { code, output } = await wrangler(['secret', 'list', '--format', 'json', ...which], '');
  if (code === 0) return output.includes(`"${SECRET_NAME}"`);
  if (/Worker ".*".* not found/.test(output)) return false;
  throw new MetricStreamError('unavailable', failure('secret list', output));
}

function failure(what: string, output: string): string {
  return `wrangler ${what} failed, and no secret was set. Log in with \`npx wrangler login\`, or set CLOUDFLARE_API_TOKEN.\n${output.trim()}`;
}

/** Its log files and what it tells its makers are turned off: neither is a place for what passes through here. */
const QUIET = { WRANGLER_SEND_METRICS: 'false', WRANGLER_WRITE_LOGS: 'false', WRANGLER_LOG_SANITIZE: 'true', NO_COLOR: '1' };

/** @param input its whole stdin: as it is no terminal, wrangler asks nothing. @throws where there is no wrangler, or it does not end. */
function wrangler(args: readonly string[], input: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('wrangler', args, { env: { ...process.env, ...QUIET }, stdio: 'pipe', timeout: LIMITS.setupTimeoutMs });
    let output = '';
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => reject(missing(error)));
    child.on('close', (code) => resolve({ code, output }));
    // One that ends without reading tells why by its exit.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function missing(error: Error): Error {
  const absent = 'code' in error && error.code === 'ENOENT';
  if (!absent) return error;
  return new MetricStreamError(
    'unavailable',
    'there is no wrangler on the PATH: run `npm install --save-dev wrangler`, then this by npx',
  );
}
