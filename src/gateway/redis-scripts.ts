/** Lua scripts written for Upstash, as any Redis takes them. */
import { createHash } from 'node:crypto';
import { LIMITS } from '../model/limits.ts';
import type { RedisCommand } from '../ports/redis-commands.ts';

/*
 * script  = [ shebang LF ] lua
 * shebang = "#!lua" [ " name=" NAME ] [ " flags=" FLAG { "," FLAG } ]
 * Upstash knows one flag more than Redis does, allow-key-locking, and its clients' scripts open with it; Redis refuses the whole script for it.
 * https://redis.io/docs/latest/develop/programmability/eval-intro/#eval-flags
 */
const SHEBANG = /^#!lua[^\n]*/;
const UPSTASH_FLAG = 'allow-key-locking';

/** @returns the script without the flag that only Upstash knows; its lines keep their numbers. */
export function portableScript(script: string): string {
  const shebang = SHEBANG.exec(script)?.[0];
  if (shebang === undefined || !shebang.includes(UPSTASH_FLAG)) return script;
  const words = shebang.split(/\s+/).flatMap((word) => {
    if (!word.startsWith('flags=')) return [word];
    const flags = word
      .slice('flags='.length)
      .split(',')
      .filter((flag) => flag !== UPSTASH_FLAG && flag !== '');
    return flags.length === 0 ? [] : [`flags=${flags.join(',')}`];
  });
  // A bare shebang would forbid what a script without one may do.
  return (words.length === 1 ? '' : words.join(' ')) + script.slice(shebang.length);
}

export interface RedisScripts {
  /** @returns the command that Redis is sent in place of one that a client sent. */
  translate(command: RedisCommand): RedisCommand;
  /** For SCRIPT LOAD: the SHA-1 that the client expects. @returns undefined where Redis' own answer is right. */
  loadedSha(command: RedisCommand): string | undefined;
}

/** Remembers which SHA-1 of a client's script is which of Redis'. What it has forgotten Redis answers with NOSCRIPT, and the client sends the script. */
export function redisScripts(): RedisScripts {
  const portableShas = new Map<string, string>();

  const portable = (script: string): string => {
    const text = portableScript(script);
    if (text === script) return script;
    const sha = sha1(script);
    portableShas.delete(sha);
    if (portableShas.size >= LIMITS.gatewayScriptsMax) portableShas.delete(portableShas.keys().next().value ?? '');
    portableShas.set(sha, sha1(text));
    return text;
  };
  const known = (sha: string): string => portableShas.get(sha.toLowerCase()) ?? sha;

  return {
    translate(command) {
      const [name, first, ...rest] = command;
      if (first === undefined) return command;
      switch (name.toUpperCase()) {
        case 'EVAL':
        case 'EVAL_RO':
          return [name, portable(first), ...rest];
        case 'EVALSHA':
        case 'EVALSHA_RO':
          return [name, known(first), ...rest];
        case 'SCRIPT': {
          const [script, ...more] = rest;
          if (/^load$/i.test(first) && script !== undefined) return [name, first, portable(script), ...more];
          return /^exists$/i.test(first) ? [name, first, ...rest.map(known)] : command;
        }
        default:
          return command;
      }
    },
    loadedSha([name, first, script]) {
      const loads = /^script$/i.test(name) && /^load$/i.test(first ?? '') && script !== undefined;
      return loads && portableScript(script) !== script ? sha1(script) : undefined;
    },
  };
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
