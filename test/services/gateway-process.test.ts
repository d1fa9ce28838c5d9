/** The gateway as a process, on each host that has one: what it starts with, and what SIGTERM costs. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostNamed } from '../system/hosts.ts';
import { credentialsFile, ready, redisUrl, SECRET } from './gateway-lab.ts';
import { type KafkaLab, kafkaConnection, kafkaLab } from './kafka-lab.ts';

const AUTHORIZED = { authorization: `Bearer ${SECRET}` };

let lab: KafkaLab;
let credentials: ReturnType<typeof credentialsFile>;

beforeAll(() => {
  lab = kafkaLab();
  credentials = credentialsFile();
});

afterAll(async () => {
  credentials.delete();
  await lab.close();
});

async function start(host: string): Promise<{ child: ChildProcess; url: string }> {
  const [command, ...args] = hostNamed(host).command;
  const flags = ['--port', '0', '--kafka-brokers', kafkaConnection().brokers.join(','), '--credentials', credentials.path];
  const child = spawn(command, [...args, 'src/runtimes/cli.ts', 'gateway', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, METRICSTREAM_REDIS_URL: redisUrl() },
  });
  let output = '';
  for await (const chunk of child.stdout ?? []) {
    output += String(chunk);
    const url = /ready at (\S+)/.exec(output)?.[1];
    if (url !== undefined) return { child, url };
  }
  throw new Error(`the gateway did not start: ${output}`);
}

describe.each(['node', 'bun'])('on %s', (host) => {
  test('SIGTERM ends what only waits, answers what was taken, and loses none of it', async () => {
    const topic = await lab.createTopic(3);
    const { child, url } = await start(host);
    await ready(url);
    const post = (path: string, body: unknown) =>
      fetch(`${url}${path}`, { method: 'POST', headers: AUTHORIZED, body: JSON.stringify(body) });
    const waiting = post(`/consume/group-${topic}/i`, { topic, timeout: 20_000 });
    await post('/', ['SET', topic, '1', 'EX', '10']);
    const kept: string[] = [];
    let isDown = false;
    const caller = async (name: number): Promise<void> => {
      for (let i = 0; !isDown; i++) {
        const value = `${name}-${i}`;
        try {
          const answer = await post('/produce', { topic, value, partition: name % 3 });
          if (answer.status === 200) kept.push(value);
          else expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
          isDown ||= answer.status !== 200;
        } catch {
          isDown = true;
        }
      }
    };
    const callers = Array.from({ length: 10 }, (_, name) => caller(name));
    while (kept.length < 200) await new Promise((resolve) => setTimeout(resolve, 10));
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const ended = await waiting;
    expect(ended.status).toBe(200);
    await ended.text();
    await Promise.all(callers);
    expect(await exited).toEqual([0, null]);
    const stored = (await Promise.all([0, 1, 2].map((partition) => lab.read(topic, partition))))
      .flat()
      .map(({ value }) => String(value));
    expect(new Set(stored).size).toBe(stored.length);
    expect(kept.filter((value) => !stored.includes(value))).toEqual([]);
  });
});

describe('it does not start', () => {
  const run = (...flags: string[]): string => {
    const [command, ...args] = hostNamed('node').command;
    const { status, stderr } = spawnSync(command, [...args, 'src/runtimes/cli.ts', 'gateway', ...flags], { encoding: 'utf8' });
    return `${status}: ${stderr}`;
  };

  test.each([
    ['without credentials', ['--redis-url', 'redis://127.0.0.1:1'], 'credentials'],
    ['with nothing behind it', ['--credentials', 'gone.json'], '--kafka-brokers, --redis-url'],
    ['with a file that is not there', ['--credentials', 'gone.json', '--redis-url', 'redis://127.0.0.1:1'], 'gone.json'],
    ['with a file that is none', ['--credentials', 'package.json', '--redis-url', 'redis://127.0.0.1:1'], 'credentials file'],
    [
      'in the open without TLS',
      ['--credentials', 'gone.json', '--redis-url', 'redis://127.0.0.1:1', '--host', '0.0.0.0'],
      '--tls-cert',
    ],
    [
      'with half of a login',
      ['--credentials', 'gone.json', '--kafka-brokers', 'localhost:1', '--kafka-username', 'a'],
      '--kafka-password',
    ],
  ])('%s', (_, flags, text) => {
    expect(run(...flags)).toMatch(new RegExp(`^1: (.|\n)*${text}`));
  });
});
