#!/usr/bin/env bun
/** The command line: server, agent, keys, rules, clients, gateway and Cloudflare. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { agentCommand } from './cli-agent.ts';
import { backtestCommand } from './cli-backtest.ts';
import { clientsCommand } from './cli-clients.ts';
import { cloudflareCommand } from './cli-cloudflare.ts';
import { gatewayCommand } from './cli-gateway.ts';
import { keyCommand } from './cli-key.ts';
import { rulesCommand } from './cli-rules.ts';
import { serverCommand } from './cli-server.ts';
import { setupCommand } from './cli-setup.ts';

const { version } = JSON.parse(
  readFileSync(join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'package.json'), 'utf8'),
) as {
  version: string;
};

const program = new Command('metricstream')
  .description('Server metrics from agent to page, every sample counted exactly once.')
  .version(version)
  .showHelpAfterError()
  .addCommand(serverCommand())
  .addCommand(agentCommand())
  .addCommand(keyCommand())
  .addCommand(rulesCommand().addCommand(backtestCommand()))
  .addCommand(clientsCommand())
  .addCommand(gatewayCommand())
  .addCommand(cloudflareCommand())
  .addCommand(setupCommand());

await program.parseAsync();
