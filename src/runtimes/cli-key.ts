/** `metricstream key`: create and revoke keys. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { createKey } from '../edge/keys.ts';
import { ROLES, type Role } from '../model/access.ts';
import { LIMITS } from '../model/limits.ts';
import { isTagName, isTagValue, tagsOf } from '../model/tags.ts';
import { openDataDir, readKeys, readSecrets } from './data-dir.ts';
import { addPairs, durationMs, flag, integerIn } from './flags.ts';

interface CreateFlags {
  readonly tenant: string;
  readonly role: Role;
  readonly client?: string;
  readonly expires?: number;
  readonly rate?: number;
  readonly datacenter?: string;
  readonly environment?: string;
  readonly tag: Record<string, string>;
  readonly dataDir: string;
}

interface RevokeFlags {
  readonly dataDir: string;
  readonly url?: string;
  readonly key?: string;
}

export function keyCommand(): Command {
  return new Command('key').description('create and revoke keys').addCommand(createCommand()).addCommand(revokeCommand());
}

function dataDirFlag(): Option {
  return flag('--data-dir <path>', 'the data directory of the server').default('./data');
}

function addTags(text: string, tags: Readonly<Record<string, string>>): Record<string, string> {
  const all = addPairs(text, tags);
  for (const [name, value] of Object.entries(all)) {
    if (!isTagName(name)) throw new InvalidArgumentError(`${name} cannot name a tag`);
    if (!isTagValue(value))
      throw new InvalidArgumentError(`${name} has to have 1 to ${LIMITS.labelValueLengthMax} printable characters`);
  }
  if (tagsOf(all) === undefined)
    throw new InvalidArgumentError(`a key has at most ${LIMITS.tagsMax} tags, ${LIMITS.tagsBytesMax} bytes of them`);
  return all;
}

function createCommand(): Command {
  const command = new Command('create').description(
    'make a key, signed with the secret of the data directory or METRICSTREAM_SECRET',
  );
  return command
    .requiredOption('--tenant <tenant>', 'whose data it is about')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).makeOptionMandatory())
    .option('--client <id>', 'the only client that it may push as')
    .addOption(new Option('--expires <time>', 'valid for so long, like 90d; without it, for ever').argParser(durationMs))
    .addOption(new Option('--rate <n>', 'requests a second per client').argParser(integerIn(1, 1_000_000)))
    .option('--datacenter <name>', 'recorded with every push')
    .option('--environment <name>', 'recorded with every push')
    .addOption(
      new Option('--tag <key=value>', 'a label of every sample that is pushed with it; may be given several times')
        .argParser<Record<string, string>>(addTags)
        .default({}, 'none'),
    )
    .addOption(dataDirFlag())
    .action(async (flags: CreateFlags) => {
      openDataDir(flags.dataDir);
      const { current } = readSecrets(flags.dataDir, process.env);
      const nowMs = Date.now();
      const claims = {
        tenant: flags.tenant,
        role: flags.role,
        client: flags.client,
        requestsPerSecond: flags.rate,
        datacenter: flags.datacenter,
        environment: flags.environment,
        tags: tagsOf(flags.tag),
        expiresMs: flags.expires === undefined ? undefined : nowMs + flags.expires,
      };
      try {
        const { key, keyId } = await createKey(current, claims, nowMs);
        process.stdout.write(`${key}\n`);
        process.stderr.write(`key id ${keyId} (revoke it with: metricstream key revoke ${keyId})\n`);
      } catch (error) {
        command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
}

function revokeCommand(): Command {
  const command = new Command('revoke').description('revoke a key at a running server; effective within 5 s');
  return command
    .argument('<key-id>', 'the id that `key create` printed')
    .addOption(dataDirFlag())
    .addOption(flag('--url <url>', "the server; default: the data directory's"))
    .addOption(flag('--key <key>', "an admin key; default: the data directory's"))
    .action(async (keyId: string, flags: RevokeFlags) => {
      const held = readKeys(flags.dataDir);
      const url = flags.url ?? held?.url;
      const key = flags.key ?? held?.admin;
      if (url === undefined || key === undefined)
        return command.error('error: give --url and --key, or the --data-dir of a server');
      try {
        const response = await fetch(`${url}/api/v1/keys/revoke`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ key_id: keyId }),
        });
        if (!response.ok) return command.error(`error: the server answered ${response.status}: ${await response.text()}`);
      } catch (error) {
        return command.error(`error: no server at ${url} (${error instanceof Error ? error.message : String(error)})`);
      }
      process.stdout.write(`revoked ${keyId}\n`);
    });
}
