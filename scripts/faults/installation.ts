/** One installation for one fault: topics, buckets, a group and a token of its own, and the servers that share them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createKey } from '../../src/edge/keys.ts';
import { topicNames } from '../../src/model/topics.ts';
import type { Role } from '../../src/runtimes/config.ts';
import { freePorts, LOOPBACK } from '../services/ports.ts';
import type { TenantKey } from './load.ts';
import { type Site, withAdmin } from './site.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUN = join(ROOT, 'node_modules', '.bin', 'bun');
const COMMAND = ['src/runtimes/cli.ts'];
const TENANTS = 20;
/** Small heads, so that minutes are sealed, bundled and read back on the way. */
const HEAD_MAX = '384KiB';
const START_MS = 60_000;

export interface Server {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly url: string;
  /** False after SIGKILL and SIGTERM, until it is started again. */
  readonly isUp: boolean;
  /** All that it has written. */
  output(): string;
  /** After SIGKILL and SIGTERM resolves when it has ended, with its exit code. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** @param headMax left out: as small as makes it seal within minutes. */
  start(headMax?: string): Promise<void>;
  /** The sum of a metric over its labels; 0 where there is none. */
  metric(name: string): Promise<number>;
  /** What /ready says: undefined where it is ready, the reason where it is not. */
  unready(): Promise<string | undefined>;
}

export interface Installation {
  readonly prefix: string;
  readonly topics: ReturnType<typeof topicNames>;
  readonly tenants: readonly (TenantKey & { readonly read: string })[];
  /** Of a tenant whose clients may push so often a second. */
  limitedKey(requestsPerSecond: number): Promise<string>;
  /** Makes a server; it does not run yet. @param env beside what all have. */
  server(name: string, roles: readonly Role[], env?: Readonly<Record<string, string>>): Promise<Server>;
  /** Revokes or restores the token with which its servers write and read InfluxDB. */
  setToken(status: 'active' | 'inactive'): Promise<void>;
  close(): Promise<void>;
}

export async function openInstallation(site: Site, name: string): Promise<Installation> {
  const prefix = `${name}-${randomBytes(3).toString('hex')}-`;
  const secret = randomBytes(32).toString('base64url');
  const common = {
    METRICSTREAM_SECRET: secret,
    METRICSTREAM_KAFKA_BROKERS: site.kafka.brokers,
    METRICSTREAM_KAFKA_GROUP: `${prefix}group`,
    METRICSTREAM_INFLUX_URL: site.influx.url,
    METRICSTREAM_INFLUX_ORG: site.influx.org,
    METRICSTREAM_PREFIX: prefix,
  };
  const setup = { ...process.env, ...common, METRICSTREAM_INFLUX_TOKEN: site.influx.token };
  await promisify(execFile)(BUN, [...COMMAND, 'setup'], { cwd: ROOT, env: setup });
  const token = await makeToken(site, prefix);
  const servers: Server[] = [];
  const topics = topicNames(prefix);
  return {
    prefix,
    topics,
    tenants: await Promise.all(Array.from({ length: TENANTS }, (_, i) => tenantKeys(secret, `tenant-${i + 1}`))),
    async limitedKey(requestsPerSecond) {
      const { key } = await createKey(secret, { tenant: 'limited', role: 'ingest', requestsPerSecond }, Date.now());
      return key;
    },
    async server(serverName, roles, own = {}) {
      const [port = 0] = await freePorts(1);
      const dataDir = join(site.dir, `${prefix}${serverName}`);
      mkdirSync(dataDir, { recursive: true });
      const env = { ...process.env, ...common, ...own, METRICSTREAM_INFLUX_TOKEN: token.token, TMPDIR: dataDir };
      const server = serverOf({ name: serverName, roles, port, dataDir, env });
      servers.push(server);
      return server;
    },
    async setToken(status) {
      await site.influx.api('PATCH', `authorizations/${token.id}`, { status });
    },
    async close() {
      await Promise.all(servers.map((server) => server.kill('SIGKILL')));
      const names = Object.values(topics);
      // What is left of it costs the next fault nothing but memory.
      await withAdmin(site.kafka.brokers, (admin) => admin.deleteTopics({ topics: names })).catch(() => undefined);
    },
  };
}

async function tenantKeys(secret: string, tenant: string): Promise<TenantKey & { readonly read: string }> {
  const [ingest, read] = await Promise.all(
    (['ingest', 'read'] as const).map((role) => createKey(secret, { tenant, role }, Date.now())),
  );
  return { tenant, key: ingest?.key ?? '', read: read?.key ?? '' };
}

/** A token for the buckets of the installation alone, as an operator would make one. */
async function makeToken({ influx }: Site, prefix: string): Promise<{ readonly id: string; readonly token: string }> {
  const { orgs } = (await influx.api('GET', `orgs?org=${influx.org}`)) as { readonly orgs: readonly { readonly id: string }[] };
  const orgID = orgs[0]?.id ?? '';
  const { buckets } = (await influx.api('GET', `buckets?limit=100&org=${influx.org}`)) as {
    readonly buckets: readonly { readonly id: string; readonly name: string }[];
  };
  const own = buckets.filter((bucket) => bucket.name.startsWith(prefix));
  const permissions = own.flatMap(({ id }) =>
    ['read', 'write'].map((action) => ({ action, resource: { type: 'buckets', id, orgID } })),
  );
  return (await influx.api('POST', 'authorizations', { orgID, description: `faults ${prefix}`, permissions })) as {
    readonly id: string;
    readonly token: string;
  };
}

interface ServerOptions {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly port: number;
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
}

function serverOf({ name, roles, port, dataDir, env }: ServerOptions): Server {
  const written: string[] = [];
  const url = `http://${LOOPBACK}:${port}`;
  const flags = ['--port', String(port), '--data-dir', dataDir, '--no-agent', '--roles', roles.join(',')];
  let child: ChildProcess | undefined;
  const isUp = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;
  const endWithUs = (): void => void child?.kill('SIGKILL');
  return {
    name,
    roles,
    url,
    get isUp() {
      return isUp();
    },
    output: () => written.join(''),
    async kill(signal) {
      const own = child;
      if (own === undefined || !isUp()) return own?.exitCode ?? null;
      if (signal !== 'SIGKILL' && signal !== 'SIGTERM') {
        own.kill(signal);
        return null;
      }
      const ended = new Promise<number | null>((resolve) => own.once('exit', (code) => resolve(code)));
      own.kill(signal);
      process.removeListener('exit', endWithUs);
      return ended;
    },
    async start(headMax = HEAD_MAX) {
      const started = spawn(BUN, [...COMMAND, 'server', ...flags, '--head-max', headMax], {
        cwd: ROOT,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child = started;
      process.once('exit', endWithUs);
      await untilReady(started, written, name);
    },
    async metric(metric) {
      const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
      const lines = text.split('\n').filter((line) => line.startsWith(`${metric} `) || line.startsWith(`${metric}{`));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
    async unready() {
      const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(5_000) });
      const { detail } = (await response.json()) as { readonly detail?: string };
      return response.status === 200 ? undefined : (detail ?? String(response.status));
    },
  };
}

/** Until it says that it listens; what it writes is kept. @throws where it ends before, or takes too long. */
function untilReady(child: ChildProcess, written: string[], name: string): Promise<void> {
  const from = written.length;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`server ${name} did not start: ${why}\n${written.slice(from).join('')}`));
    };
    const timer = setTimeout(() => fail('it was not ready in time'), START_MS);
    let isReady = false;
    const take = (chunk: Buffer): void => {
      written.push(chunk.toString());
      if (isReady || !written.slice(from).join('').includes('is ready at')) return;
      isReady = true;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`exit code ${code}`));
  });
}
