/** `metricstream clients`: what an operator does to hosts, asked of a running server. */
import { Command } from 'commander';
import { LIMITS } from '../model/limits.ts';
import { readKeys } from './data-dir.ts';
import { flag } from './flags.ts';

interface ClientFlags {
  readonly dataDir: string;
  readonly url?: string;
  readonly key?: string;
}

export function clientsCommand(): Command {
  return new Command('clients').description('hosts of a running server').addCommand(retireCommand());
}

function retireCommand(): Command {
  const command = new Command('retire').description('a host is gone for good: its alerts end, and it is not missed');
  return command
    .argument('<client>', 'its client_id')
    .addOption(flag('--data-dir <path>', 'the data directory of the server').default('./data'))
    .addOption(flag('--url <url>', "the server; default: the data directory's"))
    .addOption(flag('--key <key>', "an admin key; default: the data directory's"))
    .action(async (client: string, flags: ClientFlags) => {
      const held = readKeys(flags.dataDir);
      const url = flags.url ?? held?.url ?? command.error('error: give --url and --key, or the --data-dir of a server');
      const key = flags.key ?? held?.admin ?? command.error('error: give --url and --key, or the --data-dir of a server');
      const path = `/api/v1/clients/${encodeURIComponent(client)}/retire`;
      const response = await fetch(`${url.replace(/\/$/, '')}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        signal: AbortSignal.timeout(LIMITS.requestTimeoutMs),
      }).catch((error: unknown) => command.error(`error: no answer of a server at ${url} (${String(error)})`));
      if (!response.ok) command.error(`error: ${await response.text()}`);
      process.stdout.write(`${client} is retired; a push brings it back\n`);
    });
}
