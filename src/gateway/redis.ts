/** The Redis API: one command, a pipeline of them, or a transaction. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { RedisCommand, RedisCommands, RedisOutcome } from '../ports/redis-commands.ts';
import { refusalOf } from './redis-refused.ts';
import { encodeOutcome, type ReplyEncoding } from './redis-replies.ts';
import { redisScripts } from './redis-scripts.ts';

/*
 * command     = [ name, argument, ... ]               to /
 * pipeline    = [ command, ... ]                      to /pipeline, and to /multi-exec as a transaction
 * argument    = string | number | boolean
 * answer      = { "result": reply } | { "error": text }; of a list of commands a list, in their order
 * https://upstash.com/docs/redis/features/restapi
 */

export interface RedisApi {
  command(body: unknown, encoding: ReplyEncoding): Promise<Response>;
  pipeline(body: unknown, encoding: ReplyEncoding): Promise<Response>;
  transaction(body: unknown, encoding: ReplyEncoding): Promise<Response>;
}

export function redisApi(redis: RedisCommands): RedisApi {
  const scripts = redisScripts();

  /** Where a client loads a script it learns the SHA-1 of what it sent, not of what Redis was sent. */
  const outcomeFor = (command: RedisCommand, outcome: RedisOutcome): RedisOutcome => {
    const sha = 'reply' in outcome ? scripts.loadedSha(command) : undefined;
    return sha === undefined ? outcome : { reply: Buffer.from(sha) };
  };

  /** What is refused takes its place among the outcomes; the rest goes to Redis together. */
  const run = async (commands: readonly RedisCommand[]): Promise<readonly RedisOutcome[]> => {
    const refusals = commands.map(refusalOf);
    const sent = commands.filter((_, i) => refusals[i] === undefined);
    const outcomes = sent.length === 0 ? [] : await redis.run(sent.map(scripts.translate));
    let next = 0;
    return commands.map((command, i): RedisOutcome => {
      const error = refusals[i];
      return error === undefined ? outcomeFor(command, outcomes[next++] ?? LOST) : { error };
    });
  };

  return {
    async command(body, encoding) {
      const command = commandOf(body);
      const [outcome = LOST] = await run([command]);
      return answer(encodeOutcome(outcome, encoding), 'error' in outcome);
    },
    async pipeline(body, encoding) {
      const outcomes = await run(commandsOf(body));
      return answer(outcomes.map((outcome) => encodeOutcome(outcome, encoding)));
    },
    async transaction(body, encoding) {
      const commands = commandsOf(body);
      const refused = commands.map(refusalOf).find((error) => error !== undefined);
      if (refused !== undefined) return answer({ error: `EXECABORT Transaction discarded because of: ${refused}` }, true);
      const outcomes = await redis.transaction(commands.map(scripts.translate));
      if ('error' in outcomes) return answer({ error: outcomes.error }, true);
      const own = commands.map((command, i) => outcomeFor(command, outcomes[i] ?? LOST));
      return answer(own.map((outcome) => encodeOutcome(outcome, encoding)));
    },
  };
}

const LOST: RedisOutcome = { error: 'ERR Redis did not answer' };

function answer(value: unknown, isError = false): Response {
  return new Response(JSON.stringify(value), {
    status: isError ? 400 : 200,
    headers: { 'content-type': 'application/json' },
  });
}

function commandsOf(body: unknown): readonly RedisCommand[] {
  if (!Array.isArray(body) || body.length === 0) throw wrong('A list of commands is expected.');
  if (body.length > LIMITS.gatewayBatchMax)
    throw new MetricStreamError('body_too_large', `A request may have ${LIMITS.gatewayBatchMax} commands.`);
  return body.map(commandOf);
}

function commandOf(body: unknown): RedisCommand {
  const [name, ...args] = Array.isArray(body) ? body.map(argumentOf) : [];
  if (name === undefined || name === '') throw wrong('A command is a list, its name first.');
  return [name, ...args];
}

function argumentOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw wrong('An argument is a string, a number or a boolean.');
}

function wrong(what: string): MetricStreamError {
  return new MetricStreamError('invalid_request', `ERR ${what}`);
}
