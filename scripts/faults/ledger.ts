/** What 20 tenants sent and what was acknowledged, and the verdict over windows whose sums spell how often each sample counted. */
import { type OracleSample, SAMPLES_PER_MINUTE } from '../../test/system/oracle.ts';

/** A window as somebody shows it. */
export interface SeenWindow {
  readonly tenant: string;
  readonly client: string;
  readonly start: number;
  readonly count: number;
  readonly sum: number;
}

/** Samples by name, so that what several views say of one counts once. */
export interface Verdict {
  readonly lost: ReadonlySet<string>;
  readonly doubled: ReadonlySet<string>;
  /** Whatever no sample that was sent explains. */
  readonly wrong: readonly string[];
}

type Digits = Map<string, Set<number>>;

export class Ledger {
  readonly #sent: Digits = new Map();
  readonly #acknowledged: Digits = new Map();
  readonly #excused: Digits = new Map();

  sent(tenant: string, sample: OracleSample): void {
    add(this.#sent, tenant, sample);
  }

  acknowledged(tenant: string, sample: OracleSample): void {
    add(this.#acknowledged, tenant, sample);
  }

  /** It was deleted from the log on purpose: it may count or not. */
  excused(tenant: string, sample: OracleSample): void {
    add(this.#excused, tenant, sample);
  }

  get acknowledgedCount(): number {
    return countOf(this.#acknowledged);
  }

  get excusedCount(): number {
    return countOf(this.#excused);
  }

  /** @param beforeMs windows that start later are left out: they may be open. */
  judge(windows: readonly SeenWindow[], beforeMs: number): Verdict {
    const lost = new Set<string>();
    const doubled = new Set<string>();
    const wrong: string[] = [];
    const seen = new Set<string>();
    for (const window of windows) {
      if (window.start >= beforeMs) continue;
      const key = `${window.tenant}/${window.client}@${window.start}`;
      if (seen.has(key)) wrong.push(`${key} is shown twice`);
      seen.add(key);
      wrong.push(...this.#judgeWindow(key, window, lost, doubled));
    }
    for (const [key, digits] of this.#acknowledged) {
      if (seen.has(key) || Number(key.split('@')[1]) >= beforeMs) continue;
      for (const digit of digits) if (this.#excused.get(key)?.has(digit) !== true) lost.add(`${key}#${digit}`);
    }
    return { lost, doubled, wrong };
  }

  #judgeWindow(key: string, window: SeenWindow, lost: Set<string>, doubled: Set<string>): string[] {
    const wrong: string[] = [];
    let rest = window.sum;
    let count = 0;
    for (let digit = 0; digit < SAMPLES_PER_MINUTE; digit++) {
      const times = rest % 4;
      rest = Math.floor(rest / 4);
      count += times;
      const name = `${key}#${digit}`;
      if (times > 1) doubled.add(name);
      if (times > 0 && this.#sent.get(key)?.has(digit) !== true) wrong.push(`${name} was never sent`);
      const isOwed = this.#acknowledged.get(key)?.has(digit) === true && this.#excused.get(key)?.has(digit) !== true;
      if (times === 0 && isOwed) lost.add(name);
    }
    if (rest !== 0) wrong.push(`${key} has a sum that no samples make`);
    if (count !== window.count) wrong.push(`${key} says count ${window.count}, its sum says ${count}`);
    return wrong;
  }
}

function add(digits: Digits, tenant: string, { client, minute, digit }: OracleSample): void {
  const key = `${tenant}/${client}@${minute}`;
  const held = digits.get(key);
  if (held === undefined) digits.set(key, new Set([digit]));
  else held.add(digit);
}

function countOf(digits: Digits): number {
  return [...digits.values()].reduce((sum, held) => sum + held.size, 0);
}
