/** A real InfluxDB 2.7 as a process of this machine, built from its Go modules, and its first set-up. */

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cached, versionKey } from './cache.ts';
import { LOOPBACK } from './ports.ts';
import { type ServiceProcess, startProcess, untilReady } from './processes.ts';
import { answers, runShown } from './progress.ts';

interface InfluxdbOptions {
  /** Data, token and log. */
  readonly dir: string;
  readonly port: number;
  readonly detached: boolean;
  readonly onStart: (process: ServiceProcess) => void;
}

export const INFLUX_ORG = 'metricstream';
const FOLDER = fileURLToPath(new URL('../../infra/influxdb', import.meta.url));
const SERVER_PACKAGE = 'github.com/influxdata/influxdb/v2/cmd/influxd';
const SERVER_MODULE = 'github.com/influxdata/influxdb/v2';
const TOOLS = [
  ['go', 'version'],
  ['cargo', '--version'],
  ['cc', '--version'],
  ['pkg-config', '--version'],
] as const;
const READY_TIMEOUT_MS = 60_000;
const SETUP_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
const TOKEN_BYTES = 32;

/** The version that a go.mod requires of a module, without the v. */
export function requiredVersion(goMod: string, module: string): string {
  const version = goMod.split(/\s+/).at(goMod.split(/\s+/).indexOf(module) + 1);
  if (version === undefined || !/^v\d/.test(version)) throw new Error(`go.mod requires no ${module}.`);
  return version.slice(1);
}

/** @returns the path of influxd, built where it is not there: that takes 5 to 10 minutes and 3 GB, which are freed again. */
export async function fetchInfluxd(): Promise<string> {
  const pinned = ['go.mod', 'go.sum'].map((name) => join(FOLDER, name));
  const version = requiredVersion(readFileSync(join(FOLDER, 'go.mod'), 'utf8'), SERVER_MODULE);
  const folder = await cached(versionKey('influxd', version, pinned), async (partial) => {
    const missing = TOOLS.filter(([command, flag]) => !answers(command, flag)).map(([command]) => command);
    if (missing.length > 0) {
      throw new Error(
        `InfluxDB ${version} is built from source and needs Go, Rust, a C compiler and pkg-config; there is no ${missing.join(', ')}.`,
      );
    }
    const build = join(partial, 'build');
    mkdirSync(build, { recursive: true });
    const env = buildEnvironment(build);
    const logFile = join(partial, 'build.log');
    const compile = (title: string, ...flags: readonly string[]): Promise<void> =>
      runShown({ title: `influxdb ${version}: ${title}`, argv: ['go', 'build', '-v', ...flags], cwd: FOLDER, env, logFile });
    await compile('its pkg-config, which builds the Rust parts', '-o', env.PKG_CONFIG ?? '', 'github.com/influxdata/pkg-config');
    const tags = ['-trimpath', '-tags', 'sqlite_foreign_keys,sqlite_json'];
    await compile('influxd, 5 to 10 minutes', ...tags, '-o', join(partial, 'influxd'), SERVER_PACKAGE);
    rmSync(build, { recursive: true });
  });
  return join(folder, 'influxd');
}

/** Everything that the build leaves behind goes to one folder. */
function buildEnvironment(build: string): Readonly<Record<string, string>> {
  const toolchain = rustToolchain();
  return {
    GOCACHE: join(build, 'go-cache'),
    GOMODCACHE: join(build, 'go-modules'),
    // Otherwise its folders could not be removed.
    GOFLAGS: `${process.env.GOFLAGS ?? ''} -modcacherw`.trim(),
    CGO_ENABLED: '1',
    CARGO_PROFILE_RELEASE_LTO: 'off',
    PKG_CONFIG: join(build, 'pkg-config'),
    RUSTC_WRAPPER: join(FOLDER, 'rustc-cap-lints.sh'),
    ...(toolchain === undefined ? {} : { RUSTUP_TOOLCHAIN: toolchain }),
  };
}

/** The Rust of this machine. Flux asks for an old one, which rustup would download. */
function rustToolchain(): string | undefined {
  const { stdout } = spawnSync('rustup', ['show', 'active-toolchain'], { encoding: 'utf8', cwd: FOLDER });
  return stdout?.split(/\s/)[0] || undefined;
}

/** Starts InfluxDB, sets it up the first time, and resolves when it takes the token. */
export async function startInfluxdb({ dir, port, detached, onStart }: InfluxdbOptions): Promise<ServiceProcess> {
  const influxd = await fetchInfluxd();
  const own = join(resolve(dir), 'influxdb');
  mkdirSync(own, { recursive: true });
  const logFile = join(own, 'influxd.log');
  const paths = ['--bolt-path', join(own, 'influxd.bolt'), '--sqlite-path', join(own, 'influxd.sqlite')];
  const data = [...paths, '--engine-path', join(own, 'engine'), '--storage-wal-fsync-delay', '0s'];
  const quiet = ['--reporting-disabled', '--ui-disabled', '--log-level', 'warn'];
  const argv = [influxd, 'run', '--http-bind-address', `${LOOPBACK}:${port}`, ...data, ...quiet] as const;
  const service = await startProcess({ name: 'influxdb', argv: [...argv], mark: own, logFile, detached });
  onStart(service);
  const url = `http://${LOOPBACK}:${port}`;
  await untilReady(service, logFile, () => isHealthy(url), READY_TIMEOUT_MS);
  await setUpInfluxdb(url, tokenOf(dir));
  return service;
}

/** The token of the InfluxDB in that directory; made where there is none. */
export function tokenOf(dir: string): string {
  const path = join(dir, 'influxdb', 'token');
  if (!existsSync(path)) {
    mkdirSync(join(dir, 'influxdb'), { recursive: true });
    writeFileSync(path, randomBytes(TOKEN_BYTES).toString('base64url'), { mode: 0o600 });
  }
  return readFileSync(path, 'utf8');
}

async function isHealthy(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health`).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.status === 200;
}

/** Makes organisation, first bucket and token where that was not done; waits for an InfluxDB that still starts. @throws where another token was set. */
export async function setUpInfluxdb(url: string, token: string): Promise<void> {
  const untilMs = performance.now() + SETUP_TIMEOUT_MS;
  while (!(await isHealthy(url))) {
    if (performance.now() > untilMs) throw new Error(`InfluxDB at ${url} does not answer.`);
    await sleep(POLL_MS);
  }
  const state = (await (await fetch(`${url}/api/v2/setup`)).json()) as { readonly allowed: boolean };
  if (state.allowed) {
    const password = randomBytes(TOKEN_BYTES).toString('base64url');
    const body = { username: INFLUX_ORG, password, org: INFLUX_ORG, bucket: INFLUX_ORG, token };
    const answer = await fetch(`${url}/api/v2/setup`, { method: 'POST', body: JSON.stringify(body) });
    if (answer.status !== 201) throw new Error(`InfluxDB at ${url} was not set up: ${await answer.text()}`);
  }
  const headers = { authorization: `Token ${token}` };
  const check = await fetch(`${url}/api/v2/orgs?org=${INFLUX_ORG}`, { headers });
  await check.arrayBuffer();
  if (check.status !== 200) throw new Error(`InfluxDB at ${url} was set up with another token: npm run services -- down --wipe`);
}
