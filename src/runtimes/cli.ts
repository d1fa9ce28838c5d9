#!/usr/bin/env bun
/** The command line: server, agent and keys. */
import { Command } from 'commander';
import { version } from '../../package.json';
import { agentCommand } from './cli-agent.ts';
import { keyCommand } from './cli-key.ts';
import { serverCommand } from './cli-server.ts';

const program = new Command('metricstream')
  .description('Server metrics from agent to page, every sample counted exactly once.')
  .version(version)
  .showHelpAfterError()
  .addCommand(serverCommand())
  .addCommand(agentCommand())
  .addCommand(keyCommand());

await program.parseAsync();
