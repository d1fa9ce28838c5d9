/** What ties a request to its record and its log lines: the correlation id and the W3C trace context. */
import { LIMITS } from '../model/limits.ts';

const PRINTABLE = /^[\x20-\x7e]+$/;
/** Grammar: version "-" trace-id "-" parent-id "-" flags; all zeros and version ff are invalid. https://www.w3.org/TR/trace-context/ */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACEPARENT_LENGTH = 55;

/**
 * @param random as Math.random.
 * @returns the given id where it is printable ASCII of bounded length, else a fresh one: a prefix of this process and a count.
 */
export function correlationIds(random: () => number): (given: string | null) => string {
  const prefix = `${Math.floor(random() * 2 ** 48).toString(36)}-`;
  let count = 0;
  return (given) => {
    if (given !== null && given.length <= LIMITS.correlationIdLengthMax && PRINTABLE.test(given)) return given;
    count += 1;
    return prefix + count.toString(36);
  };
}

/** @returns undefined unless the text is a valid traceparent of version 00's form. */
export function validTraceparent(given: string | null): string | undefined {
  return given !== null && given.length === TRACEPARENT_LENGTH && TRACEPARENT.test(given) ? given : undefined;
}
