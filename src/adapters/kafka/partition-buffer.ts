/** What has been fetched of one partition and not been read yet: fetched ahead up to a bound, and anew where it is read from elsewhere. */
import { LIMITS } from '../../model/limits.ts';
import type { StoredRecord } from '../../ports/metric-log.ts';
import type { PartitionReader } from '../../ports/partition-log.ts';

export type PartitionBuffer = FetchedRecords;

/**
 * @param end the offset after the last record, as far as is known.
 * @param arrived called when there is more to read.
 * @param changed called when something else is to be fetched than before.
 */
export function partitionBuffer(partition: number, end: number, arrived: () => void, changed: () => void): PartitionBuffer {
  return new FetchedRecords(partition, end, arrived, changed);
}

class FetchedRecords implements PartitionReader {
  readonly partition: number;
  /** The offset to fetch next; undefined: nobody has said yet where to begin. */
  next: number | undefined;
  /** All there is from here to `next` is in memory. */
  #from = 0;
  #end: number;
  #records: StoredRecord[] = [];
  #bytes = 0;
  #waiting: (() => void) | undefined;
  readonly #arrived: () => void;
  readonly #changed: () => void;
  closed = false;

  constructor(partition: number, end: number, arrived: () => void, changed: () => void) {
    this.partition = partition;
    this.#end = end;
    this.#arrived = arrived;
    this.#changed = changed;
  }

  end(): number {
    return this.#end;
  }

  /** Whether the next fetch is for it, too. */
  get wants(): boolean {
    return !this.closed && this.next !== undefined && this.#bytes < LIMITS.partitionBufferBytesMax;
  }

  read(fromOffset: number, bytesMax: number): StoredRecord[] | Promise<StoredRecord[]> {
    const held = this.next !== undefined && fromOffset >= this.#from && fromOffset <= this.next;
    if (!held) this.#seek(fromOffset);
    const records = this.#cut(fromOffset, bytesMax);
    if (records.length > 0 || fromOffset >= this.#end || this.closed) return records;
    return new Promise((resolve) => {
      this.#waiting = () => resolve(this.#cut(fromOffset, bytesMax));
    });
  }

  #seek(offset: number): void {
    this.next = offset;
    this.#from = offset;
    this.#records = [];
    this.#bytes = 0;
    this.#changed();
  }

  #cut(fromOffset: number, bytesMax: number): StoredRecord[] {
    let count = 0;
    let bytes = 0;
    while (count < this.#records.length && bytes < bytesMax) {
      bytes += this.#records[count]?.bytes.length ?? 0;
      count += 1;
    }
    const full = !this.wants;
    const records = this.#records.splice(0, count);
    this.#bytes -= bytes;
    // Offsets that are missing before the next record are held, too: there is nothing at them.
    const last = records.at(-1);
    if (last !== undefined) this.#from = last.offset + 1;
    if (full) this.#changed();
    return records.filter(({ offset }) => offset >= fromOffset);
  }

  /** @param next the offset after what was fetched, gaps included. */
  take(records: readonly StoredRecord[], next: number, end: number): void {
    for (const record of records) {
      this.#records.push(record);
      this.#bytes += record.bytes.length;
    }
    this.next = next;
    this.#end = Math.max(end, next);
    this.#tell();
  }

  /** There is more than was known. */
  grown(end: number): void {
    if (end <= this.#end) return;
    this.#end = end;
    this.#arrived();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
    this.#arrived();
  }

  close(): void {
    this.closed = true;
    this.#waiting?.();
    this.#changed();
  }
}
