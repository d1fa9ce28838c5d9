/** A minute of a host, or one moment of its samples, as rules look at it: by metric and label set. */
import type { Aggregate } from '../model/aggregate.ts';
import type { Labels, Series } from '../model/series.ts';
import type { SampleBlock, WindowColumn } from '../ports/time-series-store.ts';
import type { CompiledRule } from './compiled-rule.ts';

export interface LabelSet {
  /** Identity within a host: label and value in turn, each behind a NUL; empty for none. */
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
}

export const NO_LABELS: LabelSet = { key: '', labels: {} };

interface Seen {
  readonly series: Series;
  readonly set: LabelSet;
  readonly aggregate: Aggregate;
}

export class MinuteView {
  readonly #byMetric = new Map<string, Map<string, Seen>>();

  static ofWindows(columns: readonly WindowColumn[]): MinuteView {
    const view = new MinuteView();
    for (const column of columns) view.#add(column.series, aggregateOf(column));
    return view;
  }

  /** @param row of the block's times. */
  static ofSamples({ columns }: SampleBlock, row: number, reads: (metric: string) => boolean): MinuteView {
    const view = new MinuteView();
    for (const { series, rows, values } of columns) {
      if (!reads(series.name)) continue;
      const place = rows === undefined ? row : rows.indexOf(row);
      const value = place < 0 ? undefined : values[place];
      if (value === undefined) continue;
      view.#add(series, { count: 1, sum: value, min: value, max: value, first: value, last: value, increase: 0 });
    }
    return view;
  }

  get metrics(): IterableIterator<string> {
    return this.#byMetric.keys();
  }

  get empty(): boolean {
    return this.#byMetric.size === 0;
  }

  has(metric: string): boolean {
    return this.#byMetric.has(metric);
  }

  of(metric: string): IterableIterator<Seen> {
    return (this.#byMetric.get(metric) ?? new Map<string, Seen>()).values();
  }

  /** At these labels; where the metric has none there, the one without labels stands for all. */
  at(metric: string, labelsKey: string): Seen | undefined {
    const seen = this.#byMetric.get(metric);
    return seen?.get(labelsKey) ?? seen?.get('');
  }

  /**
   * The label sets for which a rule is judged: those of the series that it reads. The empty one is among them where every metric has a series
   * without labels, or none of them has labels.
   */
  labelSetsOf({ metrics }: CompiledRule): LabelSet[] {
    const sets = new Map<string, LabelSet>();
    for (const metric of metrics) for (const { set } of this.of(metric)) sets.set(set.key, set);
    if (sets.size > 1 && sets.has('') && !metrics.every((metric) => this.#byMetric.get(metric)?.has(''))) sets.delete('');
    return [...sets.values()];
  }

  #add(series: Series, aggregate: Aggregate): void {
    const set = setOf(series.labels);
    let seen = this.#byMetric.get(series.name);
    if (seen === undefined) {
      seen = new Map();
      this.#byMetric.set(series.name, seen);
    }
    seen.set(set.key, { series, set, aggregate });
  }
}

function setOf(labels: Labels): LabelSet {
  if (labels.length === 0) return NO_LABELS;
  let key = '';
  for (const [label, value] of labels) key += `\0${label}\0${value}`;
  return { key, labels: Object.fromEntries(labels) };
}

/** A column of a closed minute holds one window. */
function aggregateOf(column: WindowColumn): Aggregate {
  const at = (values: Float64Array): number => values[0] ?? 0;
  const { count, sum, min, max, first, last, increase } = column;
  return {
    count: at(count),
    sum: at(sum),
    min: at(min),
    max: at(max),
    first: at(first),
    last: at(last),
    increase: at(increase),
  };
}
