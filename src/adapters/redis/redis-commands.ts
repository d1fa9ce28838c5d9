/** A Redis over one connection, on which the commands of all callers follow each other without waiting. */
import { createClient, ErrorReply, RESP_TYPES } from '@redis/client';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RedisCommand, RedisCommands, RedisOutcome, RedisRefusal, RedisReply } from '../../ports/redis-commands.ts';

export interface RedisCommandsOptions {
  /** `redis://` or, with TLS, `rediss://`: user:password@host:port/database. */
  readonly url: string;
  readonly clock: Clock;
  /** Told once each time that Redis is lost; the connection is opened again by itself. */
  failed(error: unknown): void;
}

/** Strings come as bytes. */
const BYTES = { [RESP_TYPES.BLOB_STRING]: Buffer } as const;

function openClient({ url, failed }: RedisCommandsOptions) {
  const client = createClient({
    url,
    RESP: 2,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    // Whoever asks while Redis is away is told so.
    disableOfflineQueue: true,
    commandsQueueMaxLength: LIMITS.redisQueueMax,
    socket: { connectTimeout: LIMITS.redisConnectTimeoutMs, reconnectStrategy: () => LIMITS.redisReconnectMs },
  }).withTypeMapping(BYTES);
  let isLost = false;
  const lost = (error: unknown): void => {
    if (!isLost) failed(error);
    isLost = true;
  };
  client.on('error', lost);
  client.on('ready', () => {
    isLost = false;
  });
  client.connect().catch(lost);
  return client;
}

/** Begins to connect; until it is, callers are told that Redis is not available. */
export function redisCommands(options: RedisCommandsOptions): RedisCommands {
  let client = openClient(options);
  let isClosed = false;

  /** What hangs is left for a new connection; all that was asked over the old one fails. */
  const reopen = (old: typeof client): void => {
    if (isClosed || client !== old) return;
    client = openClient(options);
    old.destroy();
  };

  const within = async <T>(work: (ready: typeof client) => Promise<T>): Promise<T> => {
    const asked = client;
    if (isClosed || !asked.isReady) throw unavailable('Redis cannot be reached.');
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = options.clock.schedule(LIMITS.redisTimeoutMs, () => {
      reject(unavailable('Redis does not answer.'));
      reopen(asked);
    });
    try {
      return await Promise.race([work(asked), late]);
    } catch (error) {
      throw error instanceof MetricStreamError ? error : unavailable('Redis cannot be reached.', error);
    } finally {
      cancel();
    }
  };

  return {
    run: (commands) =>
      within(async (ready) => (await Promise.all(commands.map((command) => ask(ready, command)))).map(outcomeOf)),
    transaction: (commands) => within((ready) => execute(ready, commands)),
    ping: () => within(async (ready) => void (await ready.sendCommand(['PING']))),
    async close() {
      isClosed = true;
      if (client.isReady) await client.close();
      else client.destroy();
    },
  };
}

/** As a chain: when the connection breaks within it, what is left of it is not sent over the next one. */
async function execute(
  ready: ReturnType<typeof openClient>,
  commands: readonly RedisCommand[],
): Promise<readonly RedisOutcome[] | RedisRefusal> {
  const chainId = Symbol('transaction');
  const answers = await Promise.all([['MULTI'], ...commands, ['EXEC']].map((command) => ask(ready, command, chainId)));
  const executed = answers.at(-1);
  if (isList(executed)) return executed.map(outcomeOf);
  // One was not even taken into the transaction.
  const refused = answers.find((one) => one instanceof ErrorReply);
  return { error: `EXECABORT Transaction discarded because of: ${refused?.message ?? 'nothing that Redis tells'}` };
}

/** Where there may be errors among replies, and inside of them. */
type Answer = RedisReply | ErrorReply;

async function ask(ready: ReturnType<typeof openClient>, command: readonly string[], chainId?: symbol): Promise<Answer> {
  try {
    return await ready.sendCommand<RedisReply>([...command], chainId === undefined ? {} : { chainId });
  } catch (error) {
    if (error instanceof ErrorReply) return error;
    throw error;
  }
}

function outcomeOf(answer: Answer): RedisOutcome {
  return answer instanceof ErrorReply ? { error: answer.message } : { reply: plain(answer) };
}

function plain(answer: Answer): RedisReply {
  if (answer instanceof ErrorReply) return answer.message;
  return isList(answer) ? answer.map(plain) : answer;
}

function isList(answer: Answer | undefined): answer is readonly RedisReply[] {
  return Array.isArray(answer);
}

function unavailable(detail: string, cause?: unknown): MetricStreamError {
  return new MetricStreamError('unavailable', detail, { retryAfterMs: LIMITS.retryMs, cause });
}
