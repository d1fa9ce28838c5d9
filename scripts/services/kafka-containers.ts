/** Real Kafka brokers as containers: `infra/compose.yaml` in a project of its own, for machines with Docker. */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { composeArguments, composeEnvironment, containersOf } from './compose.ts';
import { addressesOf, type KafkaCluster, type KafkaNode } from './kafka-cluster.ts';
import { LOOPBACK } from './ports.ts';

const HASH_LENGTH = 12;

/** What Compose does for a signal: it freezes a container that shall stand still. */
export function composeCommand(signal: NodeJS.Signals, container: string): readonly string[] {
  if (signal === 'SIGSTOP') return ['pause', container];
  if (signal === 'SIGCONT') return ['unpause', container];
  return ['kill', '--signal', signal, container];
}

/** Starts the brokers of a directory, and resolves when all take part. @param ports where clients find them. */
export async function startBrokerContainers(dir: string, ports: readonly number[]): Promise<KafkaCluster> {
  const project = `metricstream-${createHash('sha256').update(resolve(dir)).digest('hex').slice(0, HASH_LENGTH)}`;
  const before = composeArguments(project, ports.length);
  const kafka = ports.map((broker) => ({ broker, controller: 0 }));
  const env = { ...process.env, ...composeEnvironment({ engine: 'compose', kafka, processes: [] }) };
  const compose = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)('docker', [...before, ...args], { env })).stdout.trim();
  const containers = containersOf('kafka', ports.length);
  const nodes = containers.map((container, index): KafkaNode => {
    return {
      id: index + 1,
      address: `${LOOPBACK}:${ports[index]}`,
      get pid() {
        const { stdout: id } = spawnSync('docker', [...before, 'ps', '--quiet', container], { env, encoding: 'utf8' });
        if (id.trim() === '') return undefined;
        const inspect = ['inspect', '--format', '{{.State.Pid}}', id.trim()];
        return Number(spawnSync('docker', inspect, { encoding: 'utf8' }).stdout) || undefined;
      },
      async kill(signal) {
        await compose(...composeCommand(signal, container));
        if (signal === 'SIGKILL' || signal === 'SIGTERM') await compose('wait', container).catch(() => '');
      },
      async start() {
        await compose('up', '--detach', '--wait', '--no-deps', '--no-recreate', container);
      },
    };
  });
  const down = ['down', '--volumes', '--timeout', '0'];
  const downNow = (): void => void spawnSync('docker', [...before, ...down], { env, stdio: 'ignore' });
  process.once('exit', downNow);
  await compose('up', '--detach', '--wait', ...containers);
  return {
    brokers: addressesOf(ports, LOOPBACK),
    nodes,
    stop: async () => {
      await compose(...down);
      process.removeListener('exit', downNow);
    },
  };
}
