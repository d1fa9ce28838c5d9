/** What the window sink was told: each minute once, with the values that it had, and never again once that is checkpointed. */
import type { ClosedWindows } from '../../src/ports/window-sink.ts';
import { closingLine } from './client-model.ts';
import { closingKey, type LogModel } from './log-model.ts';

interface Told {
  readonly text: string;
  readonly partition: number;
  /** Where the consumer stood: what it was doing then takes effect with a checkpoint beyond it. */
  readonly position: number;
  durable: boolean;
}

export class Closings {
  readonly #told = new Map<string, Told>();
  readonly #report: (violation: string) => void;

  constructor(report: (violation: string) => void) {
    this.#report = report;
  }

  closed({ tenant, client, startMs, columns }: ClosedWindows, partition: number, position: number): void {
    const key = closingKey(tenant, client, startMs);
    const lines = columns.map(({ series, count, sum, min, max, first, last, increase }) =>
      closingLine(series.key, {
        count: count[0] as number,
        sum: sum[0] as number,
        min: min[0] as number,
        max: max[0] as number,
        first: first[0] as number,
        last: last[0] as number,
        increase: increase[0] as number,
      }),
    );
    if (this.#told.has(key)) this.#report(`${key}: closed twice`);
    this.#told.set(key, { text: lines.sort().join(';'), partition, position, durable: false });
  }

  /** A crash takes back what no checkpoint holds: it is told once more. */
  died(positions: ReadonlyMap<number, number>): void {
    for (const [key, told] of this.#told) {
      if (told.durable) continue;
      if (told.position < (positions.get(told.partition) ?? 0)) told.durable = true;
      else this.#told.delete(key);
    }
  }

  check(model: LogModel): void {
    for (const [key, { text, position }] of this.#told) {
      if (position >= model.applied) continue;
      const expected = model.closings.get(key);
      if (expected !== text) this.#report(`${key}: closed as ${text}; it is ${expected ?? 'open'}`);
    }
    for (const key of model.closings.keys()) if (!this.#told.has(key)) this.#report(`${key}: closed and nobody was told`);
  }
}
