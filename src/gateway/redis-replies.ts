/** Replies of Redis as JSON, in the way that the client asked for. */
import type { RedisOutcome, RedisReply } from '../ports/redis-commands.ts';

/** A header value of `upstash-encoding`. */
export type ReplyEncoding = 'base64' | 'text';

/**
 * Strings as base64 of their bytes, the state OK by itself as it is; or as text, in which bytes that are no UTF-8 are lost.
 * In a list OK is base64, too: there clients decode every string.
 */
export function encodeOutcome(outcome: RedisOutcome, encoding: ReplyEncoding): { result: unknown } | { error: string } {
  if ('error' in outcome) return { error: outcome.error };
  return { result: outcome.reply === 'OK' ? 'OK' : encodeReply(outcome.reply, encoding) };
}

function encodeReply(reply: RedisReply, encoding: ReplyEncoding): unknown {
  if (reply === null || typeof reply === 'number') return reply;
  if (typeof reply === 'string') return encoding === 'text' ? reply : Buffer.from(reply).toString('base64');
  if (!isBytes(reply)) return reply.map((one) => encodeReply(one, encoding));
  const bytes = Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength);
  return bytes.toString(encoding === 'text' ? 'utf8' : 'base64');
}

function isBytes(reply: Uint8Array | readonly RedisReply[]): reply is Uint8Array {
  return reply instanceof Uint8Array;
}
