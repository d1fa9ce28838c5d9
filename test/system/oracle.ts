/** The 4^i oracle: sample i of a (client, minute) has the value 4^i, so that a window's sum spells how often each was counted. */

/** Digits that a double holds exactly: 4^25 < 2^53. */
export const SAMPLES_PER_MINUTE = 24;
export const MINUTE_MS = 60_000;

export interface OracleSample {
  readonly client: string;
  readonly minute: number;
  readonly digit: number;
  readonly timestamp: number;
}

export interface OracleWindow {
  readonly client_id: string;
  readonly start: number;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

export function sampleAt(client: string, timestamp: number): OracleSample {
  const minute = Math.floor(timestamp / MINUTE_MS) * MINUTE_MS;
  return { client, minute, digit: Math.floor(((timestamp - minute) * SAMPLES_PER_MINUTE) / MINUTE_MS), timestamp };
}

export function oracleValue(sample: OracleSample): number {
  return 4 ** sample.digit;
}

export class Oracle {
  readonly #sent = new Map<string, Set<number>>();
  readonly #acknowledged = new Map<string, Set<number>>();

  sent(sample: OracleSample): void {
    add(this.#sent, sample);
  }

  acknowledged(sample: OracleSample): void {
    add(this.#acknowledged, sample);
  }

  /** What must be counted by now: a copy, for a read that begins later. */
  snapshot(): Map<string, Set<number>> {
    return new Map([...this.#acknowledged].map(([key, digits]) => [key, new Set(digits)]));
  }

  get acknowledgedCount(): number {
    return [...this.#acknowledged.values()].reduce((sum, digits) => sum + digits.size, 0);
  }

  /**
   * @param required acknowledged samples that each window has to hold; where a window is missing they are not there.
   * @param onlyPresent checks only windows that are shown (others may be open).
   * @returns one line per violation.
   */
  violations(
    windows: readonly OracleWindow[],
    required: ReadonlyMap<string, ReadonlySet<number>>,
    onlyPresent: boolean,
  ): string[] {
    const wrong: string[] = [];
    const shown = new Set<string>();
    for (const window of windows) {
      const key = `${window.client_id}@${window.start}`;
      if (shown.has(key)) wrong.push(`${key} is shown twice`);
      shown.add(key);
      wrong.push(...this.#judge(key, window, required.get(key) ?? new Set()));
    }
    if (!onlyPresent) for (const key of required.keys()) if (!shown.has(key)) wrong.push(`${key} is missing`);
    return wrong;
  }

  #judge(key: string, window: OracleWindow, required: ReadonlySet<number>): string[] {
    const wrong: string[] = [];
    const sent = this.#sent.get(key) ?? new Set();
    let rest = window.sum;
    let count = 0;
    for (let digit = 0; digit < SAMPLES_PER_MINUTE; digit++) {
      const times = rest % 4;
      rest = Math.floor(rest / 4);
      count += times;
      if (times > 1) wrong.push(`${key} counts sample ${digit} ${times} times`);
      if (times > 0 && !sent.has(digit)) wrong.push(`${key} counts sample ${digit}, which was never sent`);
      if (times === 0 && required.has(digit)) wrong.push(`${key} lost the acknowledged sample ${digit}`);
    }
    if (rest !== 0) wrong.push(`${key} has a sum that no samples make`);
    if (count !== window.count) wrong.push(`${key} says count ${window.count}, its sum says ${count}`);
    return wrong;
  }
}

function add(map: Map<string, Set<number>>, sample: OracleSample): void {
  const key = `${sample.client}@${sample.minute}`;
  const digits = map.get(key);
  if (digits === undefined) map.set(key, new Set([sample.digit]));
  else digits.add(sample.digit);
}
