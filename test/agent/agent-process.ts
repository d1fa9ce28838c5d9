/** An agent in a process of its own, as the command line runs it: options as JSON in the first argument. */
import { systemClock } from '../../src/adapters/system/clock.ts';
import { runAgent } from '../../src/agent/agent.ts';

const agent = await runAgent({ ...JSON.parse(process.argv[2] ?? '{}'), clock: systemClock(), log: () => {} });
process.on('SIGTERM', () => void agent.stop().then(() => process.exit(0)));
