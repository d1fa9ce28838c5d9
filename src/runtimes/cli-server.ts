/** `metricstream server`: edge, consumer and store in one process, and this host's agent. */
import { Command } from 'commander';
import { MetricStreamError } from '../model/errors.ts';
import { configError, type ServerConfig, serverFlags } from './config.ts';
import { thisHost } from './hosts.ts';
import { stopOnSignal } from './stop-on-signal.ts';

export function serverCommand(): Command {
  const command = new Command('server').description('run edge, consumer, store and page in one process');
  return serverFlags(command).action(async (config: ServerConfig) => {
    const wrong = configError(config);
    if (wrong !== undefined) command.error(`error: ${wrong}`);
    // What a server is made of is loaded by nobody else.
    const { runServer } = await import('./server.ts');
    const server = await runServer(config, await thisHost()).catch((error: unknown) => {
      if (error instanceof MetricStreamError) command.error(`error: ${error.message}`);
      throw error;
    });
    stopOnSignal(() => server.stop());
    process.stdout.write(`metricstream is ready at ${server.keys.url}\n`);
    process.stdout.write(`  page  ${server.keys.url}/#key=${server.keys.read}\n  keys  ${config.dataDir}/keys.json\n`);
  });
}
