/** What a collector is: readings of one part of the machine, by the catalogue's names. */

/** A value of now. Names, units and labels are those of model/catalogue.ts. */
export interface Reading {
  readonly name: string;
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Reads once. One that needs an earlier reading for a rate keeps it, and leaves the rate out until it has one. */
export type Collector = () => readonly Reading[] | Promise<readonly Reading[]>;

/** Blocks of a file system, as statfs(2) counts them. */
export interface FileSystemBlocks {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

/** What a collector may touch of the machine. */
export interface Machine {
  /** The text of a small file of /proc or /sys. @throws where it cannot be read. */
  readText(path: string): string;
  statfs(path: string): Promise<FileSystemBlocks>;
  /** Ms of a clock that never steps; it may stand still while the machine is suspended, as the counters do. */
  monotonicMs(): number;
}

/** Percent of a whole in 0..100, to 2 decimals; 0 of an empty whole. */
export function percentOf(part: number, whole: number): number {
  return whole > 0 ? rounded(Math.min(100, Math.max(0, (100 * part) / whole)), 2) : 0;
}

/** What the eye and the store can use: the store packs values by their decimals, and further digits are noise of the clock. */
export function rounded(value: number, decimals: 0 | 1 | 2): number {
  return Number(value.toFixed(decimals));
}
