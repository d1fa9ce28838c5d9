/** Transitions of one partition as a record of a log between consumers and the control role. */
import type { Transition } from '../model/alert.ts';
import { MetricStreamError } from '../model/errors.ts';

/* record = JSON { "version": 1, "transitions": [ Transition ] }     few, and read by people when something is wrong */
const VERSION = 1;

/** Cuts transitions into records of at most about `bytesMax`, in order; one alone may be larger. */
export function encodeTransitions(transitions: readonly Transition[], bytesMax: number): Uint8Array<ArrayBuffer>[] {
  const encoder = new TextEncoder();
  const records: Uint8Array<ArrayBuffer>[] = [];
  let texts: string[] = [];
  let bytes = 0;
  const close = (): void => {
    if (texts.length > 0) records.push(encoder.encode(`{"version":${VERSION},"transitions":[${texts.join(',')}]}`));
    texts = [];
    bytes = 0;
  };
  for (const transition of transitions) {
    const text = JSON.stringify(transition);
    // A UTF-16 unit takes at most three bytes.
    const most = text.length * 3;
    if (bytes + most > bytesMax) close();
    texts.push(text);
    bytes += most;
  }
  close();
  return records;
}

/** @throws corrupt_data | schema_newer */
export function decodeTransitions(bytes: Uint8Array): readonly Transition[] {
  let record: { readonly version?: unknown; readonly transitions?: unknown };
  try {
    record = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) ?? {};
  } catch (cause) {
    throw new MetricStreamError('corrupt_data', 'A record of transitions is no JSON.', { cause });
  }
  if (record.version !== VERSION) throw new MetricStreamError('schema_newer', 'A record of transitions has another version.');
  const { transitions } = record;
  if (!Array.isArray(transitions) || !transitions.every(isTransition))
    throw new MetricStreamError('corrupt_data', 'A record of transitions holds something else.');
  return transitions;
}

function isTransition(value: unknown): value is Transition {
  if (typeof value !== 'object' || value === null) return false;
  const { id, tenant, client, alert, to } = value as Partial<Record<keyof Transition, unknown>>;
  return [id, tenant, client, alert, to].every((text) => typeof text === 'string' && text !== '');
}
