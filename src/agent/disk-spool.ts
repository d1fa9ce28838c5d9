/** The spool's pushes as files of one directory, which belongs to one agent at a time. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MetricStreamError } from '../model/errors.ts';
import { murmur2 } from '../model/partition.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { type Spool, type SpoolBounds, type SpoolEntry, type SpoolState, type SpoolStorage, storedSpool } from './spool.ts';

/**
 * A file is the body of one push, bit for bit; its name is its record:
 * `ORDINAL_BOOT_SEQUENCE_SAMPLES_SPANMS_BYTES_CHECKSUM.push`, the ordinal in 12 digits, the checksum murmur2 in hex.
 * A name is written whole or not at all, so a torn file is known by its length or checksum, and how much it held is counted.
 *
 * `state` is `CHECKSUM {"version":1,…SpoolState}`, replaced by rename before the file of a settled push is
 * deleted; `removed` names that file, should a crash come between.
 *
 * Nothing is fsynced: a kill of the process loses nothing; a power cut may lose what the kernel had not written yet (about
 * 30 s), and costs no flash wear on the way. While the server takes pushes, most files die before they reach the disk.
 */
const NAME = /^(\d{12,})_([A-Za-z0-9-]{1,64})_(\d+)_(\d+)_(\d+)_(\d+)_([0-9a-f]{8})\.push$/;
const STATE_FILE = 'state';
const STATE_VERSION = 1;

export interface DiskSpoolOptions extends SpoolBounds {
  /** Made where it is missing. */
  readonly directory: string;
  readonly log: Telemetry['log'];
}

/** Reports what the disk refused. */
type Fail = (action: string, error: unknown) => void;

/** A spool that outlives its process. A disk that is full or fails costs the survival of what it did not take, never the samples. */
export function diskSpool({ directory, log, ...bounds }: DiskSpoolOptions): Spool {
  // A disk that is full stays so for hours: each kind of failure is told once, until a write succeeds again.
  const told = new Set<string>();
  const fail: Fail = (action, error) => {
    if (told.has(action)) return;
    told.add(action);
    log('warn', 'the spool goes on without the disk', { action, directory, error: String(error) });
  };
  const { state, files } = recover(directory, fail);
  const names = new Map(files.map(({ name, entry }) => [entry.ordinal, name]));
  const storage: SpoolStorage = {
    entries: files.map(({ entry }) => entry),
    state,
    save(entry, body) {
      const name = nameOf(entry, body);
      try {
        writeFileSync(join(directory, name), body, { mode: 0o600 });
        names.set(entry.ordinal, name);
        told.clear();
        return true;
      } catch (error) {
        fail('write', error);
        forget(directory, name, fail);
        return false;
      }
    },
    load(entry) {
      const name = names.get(entry.ordinal) ?? '';
      try {
        const body = new Uint8Array(readFileSync(join(directory, name)));
        return nameOf({ ...entry, bytes: body.length }, body) === name ? body : undefined;
      } catch (error) {
        fail('read', error);
        return undefined;
      }
    },
    remove(entry, after) {
      const kept = saveState(directory, after, fail);
      const name = names.get(entry.ordinal);
      if (names.delete(entry.ordinal) && name !== undefined) forget(directory, name, fail);
      return kept;
    },
  };
  return storedSpool(storage, bounds);
}

function checksum(bytes: Uint8Array): string {
  return (murmur2(bytes) >>> 0).toString(16).padStart(8, '0');
}

function nameOf({ ordinal, boot, sequence, samples, spanMs, bytes }: Omit<SpoolEntry, 'body'>, body: Uint8Array): string {
  return `${String(ordinal).padStart(12, '0')}_${boot}_${sequence}_${samples}_${spanMs}_${bytes}_${checksum(body)}.push`;
}

function entryOf(name: string): SpoolEntry | undefined {
  const [matched, ordinal, boot, sequence, samples, spanMs, bytes] = NAME.exec(name) ?? [];
  if (matched === undefined || boot === undefined) return undefined;
  return {
    ordinal: Number(ordinal),
    boot,
    sequence: Number(sequence),
    samples: Number(samples),
    spanMs: Number(spanMs),
    bytes: Number(bytes),
    body: undefined,
  };
}

function recover(directory: string, fail: Fail): { state: SpoolState | undefined; files: { name: string; entry: SpoolEntry }[] } {
  let found: string[] = [];
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    found = readdirSync(directory);
  } catch (error) {
    fail('open', error);
  }
  const state = found.includes(STATE_FILE) ? loadState(directory, fail) : undefined;
  const files: { name: string; entry: SpoolEntry }[] = [];
  for (const name of found) {
    const entry = entryOf(name);
    if (entry === undefined) continue;
    if (entry.ordinal === state?.removed) forget(directory, name, fail);
    else files.push({ name, entry });
  }
  return { state, files: files.sort((a, b) => a.entry.ordinal - b.entry.ordinal) };
}

function forget(directory: string, name: string, fail: Fail): void {
  try {
    rmSync(join(directory, name), { force: true });
  } catch (error) {
    fail('delete', error);
  }
}

function loadState(directory: string, fail: Fail): SpoolState | undefined {
  try {
    const text = readFileSync(join(directory, STATE_FILE), 'utf8');
    const json = text.slice(9);
    if (text.slice(0, 8) !== checksum(new TextEncoder().encode(json))) throw new MetricStreamError('corrupt_data');
    const { version, ...state } = JSON.parse(json) as SpoolState & { version: number };
    if (version !== STATE_VERSION) throw new MetricStreamError('schema_newer');
    return state;
  } catch (error) {
    fail('read state', error);
    return undefined;
  }
}

function saveState(directory: string, state: SpoolState, fail: Fail): boolean {
  const json = JSON.stringify({ version: STATE_VERSION, ...state });
  const path = join(directory, STATE_FILE);
  try {
    writeFileSync(`${path}.new`, `${checksum(new TextEncoder().encode(json))} ${json}`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return true;
  } catch (error) {
    fail('write state', error);
    return false;
  }
}
