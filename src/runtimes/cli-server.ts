/** `metricstream server`: edge, consumer and store in one process, and this host's agent. */
import { Command } from 'commander';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { configError, type ServerConfig, serverFlags } from './config.ts';
import { thisHost } from './hosts.ts';
import { runServer } from './server.ts';

export function serverCommand(): Command {
  const command = new Command('server').description('run edge, consumer, store and page in one process');
  return serverFlags(command).action(async (config: ServerConfig) => {
    const wrong = configError(config);
    if (wrong !== undefined) command.error(`error: ${wrong}`);
    const server = await runServer(config, await thisHost()).catch((error: unknown) => {
      if (error instanceof MetricStreamError) command.error(`error: ${error.message}`);
      throw error;
    });
    stopOnSignal(() => server.stop());
    process.stdout.write(`metricstream is ready at ${server.keys.url}\n`);
    process.stdout.write(`  page  ${server.keys.url}/#key=${server.keys.read}\n  keys  ${config.dataDir}/keys.json\n`);
  });
}

/** SIGTERM or SIGINT stops in order, a second one or the deadline at once. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), LIMITS.shutdownMs).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`stopping failed: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
