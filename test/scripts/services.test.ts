/** What starts and stops services, as far as that needs no service: settings, addresses, and whose process a process id is. */
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cacheDir, cached, versionKey, withLock } from '../../scripts/services/cache.ts';
import { composeArguments, composeEnvironment, containersOf } from '../../scripts/services/compose.ts';
import { requiredVersion, tokenOf } from '../../scripts/services/influxdb.ts';
import { brokerSettings, newClusterId } from '../../scripts/services/kafka-processes.ts';
import { endAll, statusOfProcesses } from '../../scripts/services/local.ts';
import { versionOf } from '../../scripts/services/maven.ts';
import { freePorts, givenPorts, LOOPBACK, usualPorts } from '../../scripts/services/ports.ts';
import {
  endProcess,
  isRunning,
  killProcess,
  observe,
  parseStat,
  type ServiceProcess,
  signalProcess,
  startProcess,
  untilReady,
} from '../../scripts/services/processes.ts';
import { majorVersion } from '../../scripts/services/redis.ts';
import {
  environmentOf,
  missingIn,
  processesOf,
  readState,
  type ServicesState,
  withProcess,
  writeState,
} from '../../scripts/services/state.ts';

const KILL_MS = 10_000;

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'metricstream-services-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

/** The lines `name=value` of a properties file. */
function properties(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => /^[^#\s]/.test(line));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

describe('the settings of a broker', () => {
  const fixed = 'process.roles=broker,controller\n';
  const three = [1, 2, 3].map((n) => ({ broker: 9000 + n, controller: 9100 + n }));

  test('of three name all voters and its own addresses, on loopback alone, and survive the loss of one', () => {
    const settings = properties(brokerSettings(fixed, 2, three, '/data'));
    expect(settings.get('process.roles')).toBe('broker,controller');
    expect(settings.get('node.id')).toBe('2');
    expect(settings.get('log.dirs')).toBe('/data');
    expect(settings.get('controller.quorum.voters')).toBe('1@127.0.0.1:9101,2@127.0.0.1:9102,3@127.0.0.1:9103');
    expect(settings.get('listeners')).toBe('PLAINTEXT://127.0.0.1:9002,CONTROLLER://127.0.0.1:9102');
    expect(settings.get('default.replication.factor')).toBe('3');
    expect(settings.get('min.insync.replicas')).toBe('2');
    expect(settings.get('transaction.state.log.min.isr')).toBe('2');
  });

  test('of one ask for no second', () => {
    const settings = properties(brokerSettings(fixed, 1, three.slice(0, 1), '/data'));
    const replication = [...settings].filter(([name]) => /replica|isr/.test(name)).map(([, value]) => value);
    expect(replication).toEqual(['1', '1', '1', '1', '1']);
    expect(() => brokerSettings(fixed, 2, three.slice(0, 1), '/data')).toThrow('no broker 2 of 1');
  });

  test('are formatted with an id that no tool takes for a flag', () => {
    for (const id of Array.from({ length: 1_000 }, newClusterId)) expect(id).toMatch(/^[A-Za-z][\w-]{21}$/);
  });

  test('are the same in compose.yaml', () => {
    const compose = readFileSync('infra/compose.yaml', 'utf8');
    for (const [name, value] of properties(readFileSync('infra/kafka/broker.properties', 'utf8'))) {
      const variable = `KAFKA_${name.replaceAll('.', '_').toUpperCase()}`;
      expect(compose.replaceAll('"', '')).toContain(`  ${variable}: ${value}\n`);
    }
  });
});

describe('compose.yaml', () => {
  const compose = readFileSync('infra/compose.yaml', 'utf8');
  const state: ServicesState = {
    engine: 'compose',
    kafka: [1, 2, 3].map((n) => ({ broker: 9000 + n, controller: 0 })),
    redis: 6000,
    influxdb: { port: 8000, token: 'secret' },
    processes: [],
  };

  test('is given every variable that it asks for', () => {
    const asked = new Set([...compose.matchAll(/\$\{(\w+)/g)].map((match) => match[1]));
    const three = properties(readFileSync('infra/kafka/three-brokers.env', 'utf8'));
    const given = new Set([...Object.keys(composeEnvironment(state)), ...three.keys(), 'COMPOSE_PROJECT_NAME']);
    expect([...asked].filter((name) => !given.has(name ?? ''))).toEqual([]);
  });

  test('publishes every port on loopback, and has the versions that are built without Docker', () => {
    const published = [...compose.matchAll(/ports: \["([^"]*)"\]/g)].map((match) => match[1]);
    expect(published).toHaveLength(5);
    expect(published.filter((port) => port?.startsWith('127.0.0.1:') !== true)).toEqual([]);
    expect(compose).toContain(`apache/kafka:${versionOf(readFileSync('infra/kafka/pom.xml', 'utf8'), 'kafka.version')}\n`);
    const goMod = readFileSync('infra/influxdb/go.mod', 'utf8');
    expect(compose).toContain(`influxdb:${requiredVersion(goMod, 'github.com/influxdata/influxdb/v2')}\n`);
  });

  test('starts the containers of what is asked for', () => {
    for (const name of ['kafka', 'redis', 'influxdb'] as const) {
      for (const container of containersOf(name, 3)) expect(compose).toContain(`\n  ${container}:\n`);
    }
    expect(containersOf('kafka', 1)).toEqual(['kafka-1']);
    expect(composeArguments('mine', 1)).not.toContain('--env-file');
    expect(composeArguments('mine', 3)).toContain('--env-file');
  });
});

describe('addresses', () => {
  test('are given for what was started, and for nothing else', () => {
    const kafka = [1, 2, 3].map((n) => ({ broker: 9000 + n, controller: 9100 + n }));
    expect(environmentOf({ engine: 'processes', kafka, processes: [] })).toEqual({
      KAFKA_BROKERS: '127.0.0.1:9001,127.0.0.1:9002,127.0.0.1:9003',
    });
    expect(environmentOf({ engine: 'processes', redis: 1, influxdb: { port: 2, token: 't' }, processes: [] })).toEqual({
      REDIS_URL: 'redis://127.0.0.1:1',
      INFLUX_URL: 'http://127.0.0.1:2',
      INFLUX_TOKEN: 't',
      INFLUX_ORG: 'metricstream',
    });
  });

  test('that the environment gives are taken whole, or refused', () => {
    expect(missingIn({})).toEqual(['kafka', 'redis', 'influxdb']);
    expect(missingIn({ KAFKA_BROKERS: 'a:1', REDIS_URL: '' })).toEqual(['redis', 'influxdb']);
    expect(missingIn({ INFLUX_URL: 'a', INFLUX_TOKEN: 'b', INFLUX_ORG: 'c' })).toEqual(['kafka', 'redis']);
    expect(() => missingIn({ INFLUX_URL: 'a', INFLUX_ORG: 'c' })).toThrow('INFLUX_TOKEN is not set');
  });
});

describe('the state', () => {
  const broker = (id: number, pid: number): ServiceProcess => ({
    name: `kafka-${id}`,
    pid,
    startTicks: 1,
    bootId: 'boot',
    mark: 'm',
  });

  test('is read as it was written, by its owner alone', () => {
    const state: ServicesState = { engine: 'processes', redis: 1, processes: [broker(1, 10)] };
    expect(readState(dir)).toBeUndefined();
    writeState(dir, state);
    expect(readState(dir)).toEqual(state);
    expect(statSync(join(dir, 'state.json')).mode & 0o077).toBe(0);
  });

  test('holds the last process of each name', () => {
    const state = [broker(1, 10), broker(2, 11), broker(1, 12)].reduce<ServicesState>(withProcess, {
      engine: 'processes',
      processes: [],
    });
    expect(processesOf(state, 'kafka').map(({ pid }) => pid)).toEqual([11, 12]);
    expect(processesOf(state, 'redis')).toEqual([]);
  });

  test('is not whole while a process of it is gone', () => {
    const gone: ServicesState = { engine: 'processes', redis: 1, processes: [{ ...broker(1, 2 ** 22 + 1), name: 'redis' }] };
    expect(statusOfProcesses(gone)).toEqual({ lines: ['redis      does not run'], isWhole: false });
    expect(statusOfProcesses({ engine: 'processes', processes: [] }).isWhole).toBe(false);
  });

  test('keeps the token of an InfluxDB', () => {
    const token = tokenOf(dir);
    expect(token.length).toBeGreaterThan(32);
    expect(tokenOf(dir)).toBe(token);
  });
});

describe('a process', () => {
  const start = (name = 'redis'): Promise<ServiceProcess> =>
    startProcess({
      name,
      argv: ['sh', '-c', 'echo up; sleep 60; :', dir],
      mark: dir,
      logFile: join(dir, 'log'),
      detached: false,
    });

  test('is ours by its id, its start, the boot of the machine and its directory', async () => {
    const service = await start();
    expect(isRunning(service)).toBe(true);
    for (const other of [{ startTicks: service.startTicks - 1 }, { bootId: 'another' }, { mark: `${dir}-2` }]) {
      const stranger = { ...service, ...other };
      expect(isRunning(stranger)).toBe(false);
      expect(signalProcess(stranger, 'SIGKILL')).toBe(false);
      await endProcess(stranger, KILL_MS);
    }
    expect(isRunning(service)).toBe(true);
    await killProcess(service, 'SIGKILL', KILL_MS);
    expect(isRunning(service)).toBe(false);
    expect(signalProcess(service, 'SIGKILL')).toBe(false);
  });

  test('that stands still is stopped, goes on, and ends in order', async () => {
    const service = await start();
    await killProcess(service, 'SIGSTOP', KILL_MS);
    expect(observe(service.pid)?.state).toBe('T');
    expect(isRunning(service)).toBe(true);
    await endProcess(service, KILL_MS);
    expect(isRunning(service)).toBe(false);
  });

  test('that ends before it is ready says so, with the end of its log', async () => {
    const logFile = join(dir, 'log');
    const service = await startProcess({
      name: 'redis',
      argv: ['sh', '-c', 'echo no room', dir],
      mark: dir,
      logFile,
      detached: false,
    });
    await expect(untilReady(service, logFile, () => false, KILL_MS)).rejects.toThrow(
      /redis ended before it was ready\.\nno room/,
    );
  });

  test('that cannot be started is an error', async () => {
    const command = {
      name: 'redis',
      argv: [join(dir, 'nothing')] as [string],
      mark: dir,
      logFile: join(dir, 'log'),
      detached: false,
    };
    await expect(startProcess(command)).rejects.toThrow('ENOENT');
  });

  test('of a state ends with all of it', async () => {
    const services = [await start('redis'), await start('influxdb')];
    writeState(dir, { engine: 'processes', processes: services });
    expect(await endAll(dir, 0)).toEqual(services);
    expect(services.some((service) => isRunning(service))).toBe(false);
    expect(await endAll(dir, 0)).toEqual([]);
  });

  test('is read from /proc whatever its name', () => {
    const fields = Array.from({ length: 40 }, (_, index) => String(index + 3));
    expect(parseStat(`7 (a) b (c)) T ${fields.slice(1).join(' ')}`)).toEqual({ state: 'T', startTicks: 22 });
  });
});

describe('ports', () => {
  test('that are taken are refused where they were chosen, and replaced where they are only usual', async () => {
    const [port = 0] = await freePorts(1);
    expect(await givenPorts(port, 1)).toEqual([port]);
    expect(await usualPorts(port, 1)).toEqual([port]);
    const server = createServer().listen(port, LOOPBACK);
    await once(server, 'listening');
    await expect(givenPorts(port, 1)).rejects.toThrow(`Port ${port} is taken.`);
    expect(await usualPorts(port, 1)).not.toEqual([port]);
    server.close();
  });

  test('that are free differ, and clients are not given them', async () => {
    const ports = await freePorts(6);
    expect(new Set(ports).size).toBe(6);
    expect(Math.max(...ports)).toBeLessThan(32_768);
  });
});

describe('the cache', () => {
  beforeEach(() => vi.stubEnv('METRICSTREAM_CACHE', dir));

  test('stands where the user wants it', () => {
    expect(cacheDir({ METRICSTREAM_CACHE: dir, XDG_CACHE_HOME: '/x' })).toBe(dir);
    expect(cacheDir({ XDG_CACHE_HOME: '/x' })).toBe('/x/metricstream');
    expect(cacheDir({})).toMatch(/\.cache\/metricstream$/);
  });

  test('gives a folder its name when it is whole; the next try goes on from what is there', async () => {
    const fail = cached('a-1', async (folder) => {
      writeFileSync(join(folder, 'half'), '');
      throw new Error('no network');
    });
    await expect(fail).rejects.toThrow('no network');
    expect(existsSync(join(dir, 'a-1'))).toBe(false);
    const folder = await cached('a-1', async (partial) => writeFileSync(join(partial, 'whole'), ''));
    expect([existsSync(join(folder, 'half')), existsSync(join(folder, 'whole'))]).toEqual([true, true]);
    await cached('a-1', () => Promise.reject(new Error('is there')));
  });

  test('makes another folder when what pins the version changes', () => {
    const file = join(dir, 'pom.xml');
    writeFileSync(file, 'a');
    const first = versionKey('kafka', '4.4.0', [file]);
    expect(first).toMatch(/^kafka-4\.4\.0-[0-9a-f]{8}$/);
    writeFileSync(file, 'b');
    expect(versionKey('kafka', '4.4.0', [file])).not.toBe(first);
  });

  test('lets one process after the other work on the same folder', async () => {
    const order: string[] = [];
    mkdirSync(join(dir, 'locks'));
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push(`${name} ends`);
    };
    await Promise.all(['a', 'b'].map((name) => withLock(join(dir, 'locks', 'one'), work(name))));
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });
});

describe('versions', () => {
  test('are read where they are pinned', () => {
    expect(versionOf('<properties><a.version> 4.4.0 </a.version></properties>', 'a.version')).toBe('4.4.0');
    expect(() => versionOf('<properties/>', 'a.version')).toThrow('no property a.version');
    expect(requiredVersion('require (\n\texample.test/a/v2 v2.7.12 // indirect\n)', 'example.test/a/v2')).toBe('2.7.12');
    expect(() => requiredVersion('module b', 'example.test/a/v2')).toThrow('requires no');
    expect(majorVersion('Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64')).toBe(7);
    expect(majorVersion('')).toBe(0);
  });
});
