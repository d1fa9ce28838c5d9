/** `metricstream agent`: the metrics of this host, pushed to a server. */
import { Command } from 'commander';
import { systemClock } from '../adapters/system/clock.ts';
import { runAgent } from '../agent/agent.ts';
import { LIMITS } from '../model/limits.ts';
import { addPairs, durationMs, flag, integerIn, sizeBytes } from './flags.ts';
import { logLine } from './log-lines.ts';
import { stopOnSignal } from './stop-on-signal.ts';

interface AgentFlags {
  readonly url: string;
  readonly key?: string;
  readonly keyFile?: string;
  readonly client?: string;
  readonly interval: number;
  readonly spoolDir: string;
  readonly spoolTime: number;
  readonly spoolMax: number;
  readonly healthPort?: number;
  readonly datacenter?: string;
  readonly environment?: string;
  readonly tag: Record<string, string>;
  readonly without: string[];
}

export function agentCommand(): Command {
  const command = new Command('agent').description('push the metrics of this host to a server');
  return command
    .addOption(flag('--url <url>', 'the server, like http://127.0.0.1:8787').makeOptionMandatory())
    .addOption(flag('--key <key>', 'an ingest key; better in METRICSTREAM_KEY or --key-file, where ps does not show it'))
    .addOption(flag('--key-file <path>', 'a file with the key, or a keys.json; read again when the key is refused'))
    .addOption(flag('--client <id>', "client_id; default: the host's name"))
    .addOption(flag('--interval <time>', 'how often to sample').argParser(durationMs).default(LIMITS.agentIntervalMs, '10s'))
    .addOption(flag('--spool-dir <path>', 'where pushes wait while the server is away').default('./data/agent-spool'))
    .addOption(
      flag('--spool-time <time>', 'how long they wait at most, up to 24h')
        .argParser(durationMs)
        .default(LIMITS.agentSpoolMs, '5m'),
    )
    .addOption(
      flag('--spool-max <size>', 'how much they take at most').argParser(sizeBytes).default(LIMITS.agentSpoolBytesMax, '64MiB'),
    )
    .addOption(flag('--health-port <port>', 'answer GET /health on loopback').argParser(integerIn(0, 65_535)))
    .addOption(flag('--datacenter <name>', 'recorded with every push'))
    .addOption(flag('--environment <name>', 'recorded with every push'))
    .addOption(
      flag('--label, --tag <key=value>', 'a label for every sample; may be given several times')
        .argParser<Record<string, string>>(addPairs)
        .default({}, 'none'),
    )
    .option('--without <collector...>', 'collectors to leave out')
    .action(async (flags: AgentFlags) => {
      try {
        const agent = await runAgent({
          ...flags,
          intervalMs: flags.interval,
          spoolMs: flags.spoolTime,
          spoolBytesMax: flags.spoolMax,
          labels: flags.tag,
          clock: systemClock(),
          log: logLine,
        });
        stopOnSignal(() => agent.stop());
        const { client, healthPort } = agent.status();
        process.stdout.write(
          `agent ${client} pushes to ${flags.url}${healthPort === undefined ? '' : `; health on port ${healthPort}`}\n`,
        );
      } catch (error) {
        command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
}
