/** The commands that the gateway keeps from Redis, which all its callers share over one connection. */
import type { RedisCommand } from '../ports/redis-commands.ts';

/** Why, as the caller is told. */
const BLOCKS = 'it would block the connection that all callers share';
const TAKES_OVER = 'it would change the connection that all callers share';
const OPERATES = 'it operates the server, which is not for callers of the gateway';

const REFUSED: ReadonlyMap<string, string> = new Map([
  ...rows(BLOCKS, 'BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN WAIT WAITAOF'),
  ...rows(TAKES_OVER, 'SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR'),
  ...rows(TAKES_OVER, 'MULTI EXEC DISCARD WATCH UNWATCH SELECT AUTH HELLO RESET QUIT CLIENT ASKING READONLY READWRITE'),
  ...rows(OPERATES, 'ACL BGREWRITEAOF BGSAVE CLUSTER CONFIG DEBUG FAILOVER LATENCY LOLWUT MIGRATE MODULE PFDEBUG PFSELFTEST'),
  ...rows(OPERATES, 'PSYNC REPLCONF REPLICAOF RESTORE-ASKING ROLE SAVE SENTINEL SHUTDOWN SLAVEOF SLOWLOG SWAPDB SYNC'),
]);

/** Of commands that are allowed otherwise. */
const REFUSED_SUBCOMMANDS: ReadonlyMap<string, string> = new Map([
  ...rows(OPERATES, 'SCRIPT/KILL SCRIPT/DEBUG FUNCTION/KILL FUNCTION/RESTORE FUNCTION/FLUSH MEMORY/PURGE'),
]);

/** @returns why a command is refused; undefined: it is not. */
export function refusalOf([name, ...args]: RedisCommand): string | undefined {
  const upper = name.toUpperCase();
  const because = REFUSED.get(upper) ?? REFUSED_SUBCOMMANDS.get(`${upper}/${args[0]?.toUpperCase()}`);
  if (because !== undefined) return `ERR ${upper} is refused: ${because}`;
  if ((upper === 'XREAD' || upper === 'XREADGROUP') && blocks(args)) return `ERR ${upper} with BLOCK is refused: ${BLOCKS}`;
  return undefined;
}

/** BLOCK is an option only before STREAMS, behind which keys stand. */
function blocks(args: readonly string[]): boolean {
  for (const arg of args) {
    if (/^streams$/i.test(arg)) return false;
    if (/^block$/i.test(arg)) return true;
  }
  return false;
}

function rows(because: string, names: string): [string, string][] {
  return names.split(' ').map((name) => [name, because]);
}
