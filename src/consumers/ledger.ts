/** What a client should have sent, and what came: push ids seen, pushes and samples counted. */
import type { RejectReason } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { PushId } from '../model/push.ts';

const WORDS = LIMITS.sequencesPerBoot / 32;
const HASHES = LIMITS.contentHashesPerBoot;

/** One boot of an agent: the greatest sequence seen, which of the last 256 came, and the content of the last 16. */
export interface BootWindow {
  readonly boot: string;
  /** What came before this sequence was counted when the boot was known before, or is not known of: nothing is expected there. */
  readonly first: number;
  highest: number;
  /** Bit (sequence mod 256) is set when that sequence came; only the last 256 count. */
  readonly seen: Uint32Array;
  /** Content hash by (sequence mod 16). */
  readonly hashes: Int32Array;
}

export type PushVerdict = 'new' | 'late' | 'duplicate' | 'conflict';

export interface PushCounts {
  expected: number;
  received: number;
  duplicate: number;
  /** Came after a later one of the same boot, or too long after it to tell. */
  late: number;
  /** A push id that came again with other content. */
  conflict: number;
}

export interface SampleCounts {
  stored: number;
  duplicate: number;
  conflict: number;
}

/** A pure function of the records of one client, in order. */
export class Ledger {
  readonly pushes: PushCounts = { expected: 0, received: 0, duplicate: 0, late: 0, conflict: 0 };
  readonly samples: SampleCounts = { stored: 0, duplicate: 0, conflict: 0 };
  readonly rejected = new Map<RejectReason, number>();
  /** Newest last. */
  boots: BootWindow[] = [];

  /** Whether this push id is known to have come. */
  knows(pushId: PushId): boolean {
    const window = this.boots.find((one) => one.boot === pushId.boot);
    return window !== undefined && isSeen(window, pushId.sequence);
  }

  /** Counts a push. Its samples are to be counted by the caller. */
  observe(pushId: PushId | undefined, contentHash: number, rejected: readonly (readonly [RejectReason, number])[]): PushVerdict {
    const verdict = pushId === undefined ? this.#unnamed() : this.#named(pushId, contentHash);
    if (verdict === 'new' || verdict === 'late') {
      for (const [reason, count] of rejected) this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + count);
    }
    return verdict;
  }

  #unnamed(): PushVerdict {
    this.#expectMore(1);
    this.pushes.received += 1;
    return 'new';
  }

  #named(pushId: PushId, contentHash: number): PushVerdict {
    if (pushId.previous !== undefined) this.#expect(pushId.previous.boot, pushId.previous.count - 1);
    const { sequence } = pushId;
    const window = this.#window(pushId);
    if (isSeen(window, sequence)) {
      this.pushes.duplicate += 1;
      const remembered = window.highest - sequence < HASHES;
      if (!remembered || window.hashes[sequence % HASHES] === contentHash) return 'duplicate';
      this.pushes.conflict += 1;
      return 'conflict';
    }
    const late = sequence < window.highest;
    if (!late) this.#raise(window, sequence);
    if (late) this.pushes.late += 1;
    const inWindow = window.highest - sequence < LIMITS.sequencesPerBoot;
    if (inWindow) window.seen[wordOf(sequence)] = (window.seen[wordOf(sequence)] as number) | bitOf(sequence);
    if (window.highest - sequence < HASHES) window.hashes[sequence % HASHES] = contentHash;
    // Beyond the window, or before the first, nobody can tell a straggler from a repeat: it counts as late, not as received.
    if (inWindow && sequence >= window.first) this.pushes.received += 1;
    return late ? 'late' : 'new';
  }

  /** A later boot says how far an earlier one came. */
  #expect(boot: string, highest: number): void {
    const window = this.boots.find((one) => one.boot === boot);
    // A header can name a count beyond what a double counts in ones.
    if (window !== undefined && highest > window.highest) this.#raise(window, Math.min(highest, LIMITS.sequenceMax));
  }

  #raise(window: BootWindow, highest: number): void {
    this.#expectMore(highest - window.highest);
    const gone = Math.min(highest - window.highest, LIMITS.sequencesPerBoot);
    for (let sequence = highest - gone + 1; sequence <= highest; sequence++) {
      window.seen[wordOf(sequence)] = (window.seen[wordOf(sequence)] as number) & ~bitOf(sequence);
    }
    window.highest = highest;
  }

  /** A client can name any sequence; the sum stays a number that counts. */
  #expectMore(pushes: number): void {
    this.pushes.expected = Math.min(this.pushes.expected + pushes, Number.MAX_SAFE_INTEGER);
  }

  #window(pushId: PushId): BootWindow {
    const { boot } = pushId;
    const last = this.boots[this.boots.length - 1];
    if (last?.boot === boot) return last;
    const known = this.boots.find((one) => one.boot === boot);
    if (known !== undefined) return known;
    const first = this.#firstOf(pushId);
    const fresh = { boot, first, highest: first - 1, seen: new Uint32Array(WORDS), hashes: new Int32Array(HASHES) };
    this.boots.push(fresh);
    if (this.boots.length > LIMITS.bootsPerClient) this.boots.shift();
    return fresh;
  }

  /**
   * The first sequence that is expected of a boot not known: all of a boot's, from 0, unless it may have been known before and
   * forgotten since. That is so once there are as many boots as are remembered, but for one whose predecessor still is:
   * it came after that, and would be remembered too. Of one that may be back only what comes from here on is expected:
   * what it sent before was counted then. What it lost in between is then not known; it is not made up either.
   */
  #firstOf({ sequence, previous }: PushId): number {
    const mayBeBack = this.boots.length >= LIMITS.bootsPerClient && !this.boots.some((one) => one.boot === previous?.boot);
    return mayBeBack ? sequence : 0;
  }
}

function isSeen(window: BootWindow, sequence: number): boolean {
  if (sequence > window.highest || window.highest - sequence >= LIMITS.sequencesPerBoot) return false;
  return ((window.seen[wordOf(sequence)] as number) & bitOf(sequence)) !== 0;
}

function wordOf(sequence: number): number {
  return Math.floor((sequence % LIMITS.sequencesPerBoot) / 32);
}

function bitOf(sequence: number): number {
  return (1 << (sequence % 32)) >>> 0;
}
