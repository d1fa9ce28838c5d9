/** The spool: pushes that were made and not yet delivered, oldest first, within bounds, with every drop counted. */

/**
 * `spool_age`, `spool_bytes`: the bounds. `spool_unreadable`: torn or lost on disk. `spool_unwritten`: the disk was
 * full until the agent stopped. `http_…`: the server refused the push for good.
 */
export const DROP_REASONS = [
  'spool_age',
  'spool_bytes',
  'spool_unreadable',
  'spool_unwritten',
  'http_400',
  'http_413',
  'http_422',
  'http_4xx',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** A push as it is made. */
export interface NewPush {
  /** The process that made it, and its place among that process's pushes: dense from 0. */
  readonly boot: string;
  readonly sequence: number;
  /** How many samples it holds, and how much time they stand for, ms. */
  readonly samples: number;
  readonly spanMs: number;
  /** Never changed: a retry sends the same bytes. */
  readonly body: Uint8Array;
}

/** A boot and how many pushes it made. */
export interface Boot {
  readonly boot: string;
  readonly made: number;
}

export interface SpooledPush extends NewPush {
  /** The boot before the one that made this push, where the spool knows it. */
  readonly previous: Boot | undefined;
}

export interface SpoolBounds {
  /** How much time the kept pushes may stand for, ms. It is counted in spans, so that no step of the clock drops anything. */
  readonly spoolMs: number;
  /** Sum of the bodies. */
  readonly bytesMax: number;
}

export interface SpoolStatus {
  readonly pushes: number;
  readonly samples: number;
  readonly bytes: number;
  /** Samples dropped since the spool exists, over restarts. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Writes that failed since this start; what they should have kept stays in memory. */
  readonly writeErrors: number;
}

/**
 * One push at a time is held: it is being sent, and is not dropped meanwhile. Everything else that leaves the bounds
 * is dropped at once, oldest first. At all times: samples added = settled as delivered + dropped + in `status().samples`.
 */
export interface Spool {
  /** Adds at the end, then drops what the bounds do not allow. */
  add(push: NewPush): void;
  /** Holds the oldest push; undefined where none is. */
  hold(): SpooledPush | undefined;
  /** Ends the held push: delivered, or dropped for a reason. */
  settle(dropped?: DropReason): void;
  /** Gives the held push back, to be held again. Harmless where none is held. */
  release(): void;
  status(): SpoolStatus;
  /** Writes once more what could not be written, and counts as dropped what still cannot. */
  close(): void;
}

/** A push as the spool remembers it; the body only while it is not on disk. */
export interface SpoolEntry {
  /** Place in the spool over all boots; rises. */
  readonly ordinal: number;
  readonly boot: string;
  readonly sequence: number;
  readonly samples: number;
  readonly spanMs: number;
  readonly bytes: number;
  body: Uint8Array | undefined;
}

/** What survives beside the pushes themselves. */
export interface SpoolState {
  /** The ordinal whose removal this state includes: after a crash its file may still be there. -1: none. */
  readonly removed: number;
  readonly nextOrdinal: number;
  /** Oldest first: those of the pushes in the spool, the one before them, and the last. */
  readonly boots: readonly Boot[];
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** Where pushes lie. Nothing throws: what fails is answered. */
export interface SpoolStorage {
  /** What an earlier process left, by ordinal. */
  readonly entries: readonly SpoolEntry[];
  readonly state: SpoolState | undefined;
  /** @returns false where it could not be kept. */
  save(entry: SpoolEntry, body: Uint8Array): boolean;
  /** @returns undefined where it cannot be read, or is not what was saved. */
  load(entry: SpoolEntry): Uint8Array | undefined;
  /** Keeps the state, then forgets the entry. @returns false where the state could not be kept. */
  remove(entry: SpoolEntry, state: SpoolState): boolean;
}

/** A spool that a process keeps to itself, for tests and simulations; it outlives the pusher, as a disk outlives a process. */
export function memorySpool(bounds: SpoolBounds): Spool {
  const storage: SpoolStorage = {
    entries: [],
    state: undefined,
    save: () => false,
    load: () => undefined,
    remove: () => true,
  };
  return new BoundedSpool(storage, bounds, false);
}

/** The spool over a storage. */
export function storedSpool(storage: SpoolStorage, bounds: SpoolBounds): Spool {
  return new BoundedSpool(storage, bounds, true);
}

class BoundedSpool implements Spool {
  readonly #storage: SpoolStorage;
  readonly #bounds: SpoolBounds;
  readonly #durable: boolean;
  readonly #entries: SpoolEntry[];
  readonly #dropped: Record<DropReason, number>;
  #boots: Boot[];
  #nextOrdinal: number;
  #bytes = 0;
  #spanMs = 0;
  #samples = 0;
  #writeErrors = 0;
  #held = false;

  constructor(storage: SpoolStorage, bounds: SpoolBounds, durable: boolean) {
    this.#storage = storage;
    this.#bounds = bounds;
    this.#durable = durable;
    this.#dropped = Object.fromEntries(DROP_REASONS.map((reason) => [reason, storage.state?.dropped[reason] ?? 0])) as Record<
      DropReason,
      number
    >;
    this.#boots = [...(storage.state?.boots ?? [])];
    this.#entries = [...storage.entries];
    this.#nextOrdinal = Math.max(storage.state?.nextOrdinal ?? 0, (this.#entries.at(-1)?.ordinal ?? -1) + 1);
    for (const entry of this.#entries) this.#account(entry, 1);
    this.#enforce();
  }

  add({ body, ...push }: NewPush): void {
    const entry: SpoolEntry = { ...push, ordinal: this.#nextOrdinal++, bytes: body.length, body: undefined };
    this.#keep(entry, body);
    this.#entries.push(entry);
    this.#account(entry, 1);
    this.#enforce();
  }

  hold(): SpooledPush | undefined {
    for (let entry = this.#entries[0]; entry !== undefined; entry = this.#entries[0]) {
      const body = entry.body ?? this.#storage.load(entry);
      if (body !== undefined) {
        this.#held = true;
        const { boot, sequence, samples, spanMs } = entry;
        return { boot, sequence, samples, spanMs, body, previous: this.#previousOf(boot) };
      }
      this.#remove(0, 'spool_unreadable');
    }
    return undefined;
  }

  settle(dropped?: DropReason): void {
    if (!this.#held) return;
    this.#held = false;
    this.#remove(0, dropped);
    this.#enforce();
  }

  release(): void {
    this.#held = false;
    this.#enforce();
  }

  status(): SpoolStatus {
    return {
      pushes: this.#entries.length,
      samples: this.#samples,
      bytes: this.#bytes,
      dropped: { ...this.#dropped },
      writeErrors: this.#writeErrors,
    };
  }

  close(): void {
    this.#held = false;
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const entry = this.#entries[index];
      if (entry?.body === undefined) continue;
      this.#keep(entry, entry.body);
      if (entry.body !== undefined) this.#remove(index, 'spool_unwritten');
    }
  }

  #keep(entry: SpoolEntry, body: Uint8Array): void {
    const saved = this.#storage.save(entry, body);
    entry.body = saved ? undefined : body;
    if (!saved && this.#durable) this.#writeErrors += 1;
  }

  #enforce(): void {
    const oldest = this.#held ? 1 : 0;
    while (this.#entries.length > oldest) {
      if (this.#bytes > this.#bounds.bytesMax) this.#remove(oldest, 'spool_bytes');
      else if (this.#spanMs > this.#bounds.spoolMs) this.#remove(oldest, 'spool_age');
      else return;
    }
  }

  #remove(index: number, reason: DropReason | undefined): void {
    const [entry] = this.#entries.splice(index, 1);
    if (entry === undefined) return;
    if (reason !== undefined) this.#dropped[reason] += entry.samples;
    this.#account(entry, -1);
    this.#forgetBoots();
    const state: SpoolState = {
      removed: entry.ordinal,
      nextOrdinal: this.#nextOrdinal,
      boots: this.#boots,
      dropped: this.#dropped,
    };
    if (!this.#storage.remove(entry, state)) this.#writeErrors += 1;
  }

  #account(entry: SpoolEntry, sign: 1 | -1): void {
    this.#bytes += sign * entry.bytes;
    this.#spanMs += sign * entry.spanMs;
    this.#samples += sign * entry.samples;
    if (sign === -1) return;
    const at = this.#boots.findIndex(({ boot }) => boot === entry.boot);
    const made = Math.max(this.#boots[at]?.made ?? 0, entry.sequence + 1);
    this.#boots.splice(at < 0 ? this.#boots.length : at, 1, { boot: entry.boot, made });
  }

  #previousOf(boot: string): Boot | undefined {
    return this.#boots[this.#boots.findIndex((known) => known.boot === boot) - 1];
  }

  /** Keeps the boot of the oldest push and the one before it; of an empty spool the last two, as a late repeat may name them. */
  #forgetBoots(): void {
    const oldest = this.#entries[0]?.boot ?? this.#boots.at(-1)?.boot;
    const at = this.#boots.findIndex(({ boot }) => boot === oldest);
    if (at > 1) this.#boots = this.#boots.slice(at - 1);
  }
}
