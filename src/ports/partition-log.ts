/** The partitions of a log that is elsewhere, each read by itself. */
import type { LogReader } from './metric-log.ts';

/** Offsets are the partition's own; they rise, with gaps. */
export interface PartitionReader extends LogReader {
  /** Reads no more. */
  close(): void;
}

export interface PartitionLog {
  /**
   * Reads on in the background from the offset that `read` is asked for first.
   * @param arrived called when there is more to read. @returns once the end of the partition is known. @throws unavailable
   */
  open(partition: number, arrived: () => void): Promise<PartitionReader>;
  /** Closes its readers, and lets go of the connections. */
  close(): Promise<void>;
}
