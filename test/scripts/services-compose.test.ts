/** What Docker is asked for, by a docker of a few lines that writes down what it was called with. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { downContainers, hasCompose, pullImages, upContainers } from '../../scripts/services/compose.ts';
import { startKafka } from '../../scripts/services/kafka.ts';
import { composeCommand } from '../../scripts/services/kafka-containers.ts';
import { freePorts } from '../../scripts/services/ports.ts';
import { readState } from '../../scripts/services/state.ts';
import type { Wanted } from '../../scripts/services/wanted.ts';

const FILE = join(process.cwd(), 'infra/compose.yaml');
const THREE = join(process.cwd(), 'infra/kafka/three-brokers.env');

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'metricstream-compose-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

/** @param body what it does besides, in sh. */
function fakeDocker(body = ''): void {
  const path = join(dir, 'docker');
  const ports = '$KAFKA_PORT_1 $KAFKA_PORT_2 $KAFKA_PORT_3 $REDIS_PORT $INFLUXDB_PORT';
  writeFileSync(path, `#!/bin/sh\necho "$*" >> "${dir}/calls"\necho ${ports} >> "${dir}/ports"\n${body}\n`);
  chmodSync(path, 0o755);
  vi.stubEnv('PATH', `${dir}:${process.env.PATH}`);
}

/** Calls of `docker compose`, without the questions whether it works and what comes before each command. */
function calls(): string[] {
  const lines = readFileSync(join(dir, 'calls'), 'utf8').trimEnd().split('\n');
  return lines.flatMap((line) => line.match(/^compose --project-name \S+ --file (.*)$/)?.[1]?.replace(`${FILE} `, '') ?? []);
}

function wanted(brokers: 1 | 3, ports: Wanted['given']): Wanted {
  return { names: ['kafka', 'redis'], brokers, given: ports, otherwise: 'free' };
}

describe('Docker', () => {
  test('is there when its engine answers and it has Compose', () => {
    fakeDocker();
    expect(hasCompose()).toBe(true);
    fakeDocker('test "$1" != version');
    expect(hasCompose()).toBe(false);
    fakeDocker('test "$1" != compose');
    expect(hasCompose()).toBe(false);
  });

  test('starts what is wanted on the ports that were chosen, keeps them, and stops it', async () => {
    fakeDocker();
    const [kafka = 0, redis = 0] = await freePorts(2);
    const state = await upContainers(dir, 'mine', wanted(1, { kafka, redis }));
    expect(state).toEqual({ engine: 'compose', kafka: [{ broker: kafka, controller: 0 }], redis, processes: [] });
    expect(readState(dir)).toEqual(state);
    expect(readFileSync(join(dir, 'ports'), 'utf8')).toBe(`${kafka} ${redis}\n`);
    expect(await upContainers(dir, 'mine', wanted(1, {}))).toEqual(state);
    await expect(upContainers(dir, 'mine', wanted(3, {}))).rejects.toThrow('Kafka runs with 1 brokers');
    await expect(upContainers(dir, 'mine', wanted(1, { redis: 1 }))).rejects.toThrow(`redis runs on port ${redis}`);
    downContainers(dir, 'mine', false);
    expect(readState(dir)).toBeUndefined();
    expect(calls()).toEqual(['up --detach --wait kafka-1 redis', 'up --detach --wait kafka-1 redis', 'down']);
  });

  test('starts three brokers with what three need to know', async () => {
    fakeDocker();
    await upContainers(dir, 'mine', wanted(3, {}));
    expect(calls()).toEqual([`--env-file ${THREE} up --detach --wait kafka-1 kafka-2 kafka-3 redis`]);
  });

  test('downloads an image of each', () => {
    fakeDocker();
    pullImages('mine');
    expect(calls()).toEqual(['pull kafka-1 redis influxdb']);
  });

  test('that fails is an error', async () => {
    fakeDocker('test "$1" = version');
    await expect(upContainers(dir, 'mine', wanted(1, {}))).rejects.toThrow('docker compose up ended with 1.');
  });

  test('kills, stops and starts single brokers', async () => {
    fakeDocker('case "$*" in *"ps --quiet kafka-2") echo 4f2a;; "inspect --format {{.State.Pid}} 4f2a") echo 4711;; esac');
    const kafka = await startKafka({ dir, brokers: 3 });
    const node = kafka.nodes[1];
    expect([node?.id, node?.address]).toEqual([2, kafka.brokers.split(',')[1]]);
    expect(node?.pid).toBe(4711);
    expect(kafka.nodes[0]?.pid).toBeUndefined();
    for (const signal of ['SIGSTOP', 'SIGCONT', 'SIGKILL'] as const) await node?.kill(signal);
    await node?.start();
    await kafka.stop();
    const own = calls().map((call) => call.replace(`--env-file ${THREE} `, ''));
    expect(own.filter((call) => !call.startsWith('ps'))).toEqual([
      'up --detach --wait kafka-1 kafka-2 kafka-3',
      'pause kafka-2',
      'unpause kafka-2',
      'kill --signal SIGKILL kafka-2',
      'wait kafka-2',
      'up --detach --wait --no-deps --no-recreate kafka-2',
      'down --volumes --timeout 0',
    ]);
  });

  test('has a command for each signal', () => {
    expect(composeCommand('SIGTERM', 'kafka-1')).toEqual(['kill', '--signal', 'SIGTERM', 'kafka-1']);
  });
});
