/** `metricstream gateway`: the Upstash REST APIs of Kafka and Redis in front of your own. */
import { Command } from 'commander';
import { LIMITS } from '../model/limits.ts';
import { addressError } from './config.ts';
import { flag, integerIn } from './flags.ts';
import type { GatewayConfig } from './gateway.ts';
import { kafkaFlags } from './kafka-flags.ts';
import { stopOnSignal } from './stop-on-signal.ts';

export function gatewayCommand(): Command {
  const command = new Command('gateway').description("serve Upstash's REST APIs of Kafka and Redis from your own");
  return gatewayFlags(command).action(async (config: GatewayConfig) => {
    const wrong = configError(config);
    if (wrong !== undefined) command.error(`error: ${wrong}`);
    try {
      // Its libraries are loaded by nobody else.
      const { runGateway } = await import('./gateway.ts');
      const { url, stop } = await runGateway(config);
      stopOnSignal(stop);
      process.stdout.write(`metricstream gateway is ready at ${url}\n`);
    } catch (error) {
      command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
}

function gatewayFlags(command: Command): Command {
  return kafkaFlags(command)
    .addOption(flag('--port <port>', 'where to listen; 0 takes a free one').argParser(integerIn(0, 65_535)).default(8788))
    .addOption(flag('--host <address>', 'address to listen on; other than loopback needs TLS or --insecure').default('127.0.0.1'))
    .addOption(flag('--credentials <file>', 'who may do what: JSON, see docs/gateway.md').makeOptionMandatory())
    .addOption(
      flag(
        '--redis-url <url>',
        'redis:// or rediss://user:password@host:port; better as METRICSTREAM_REDIS_URL, where ps does not show it',
      ),
    )
    .addOption(
      flag('--linger <ms>', 'how long a partition waits for more messages')
        .argParser(integerIn(0, 1_000))
        .default(LIMITS.produceLingerMs),
    )
    .addOption(flag('--tls-cert <file>', 'certificate chain, PEM'))
    .addOption(flag('--tls-key <file>', 'private key, PEM'))
    .addOption(flag('--insecure', 'allow plain HTTP on an address other than loopback').default(false));
}

function configError(config: GatewayConfig): string | undefined {
  if (config.kafkaBrokers === undefined && config.redisUrl === undefined) return 'give --kafka-brokers, --redis-url or both';
  if ((config.kafkaUsername === undefined) !== (config.kafkaPassword === undefined))
    return '--kafka-username and --kafka-password go together';
  return addressError(config);
}
