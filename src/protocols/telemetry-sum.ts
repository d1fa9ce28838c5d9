/** Sums what several processes tell of themselves. */
import type { HistogramSample, MetricFamily, TelemetryLabels, ValueSample } from '../ports/telemetry.ts';

/** Families of one name and type are one; samples of the same labels are added, gauges too: they are counts of things. */
export function sumFamilies(all: Iterable<MetricFamily>): MetricFamily[] {
  const sums = new Map<string, MetricFamily>();
  for (const family of all) {
    const held = sums.get(family.name);
    sums.set(family.name, held === undefined ? family : sumOf(held, family));
  }
  return [...sums.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function sumOf(a: MetricFamily, b: MetricFamily): MetricFamily {
  if (a.type === 'histogram' && b.type === 'histogram') return { ...a, samples: join(a.samples, b.samples, addHistograms) };
  if (a.type !== 'histogram' && b.type !== 'histogram') return { ...a, samples: join(a.samples, b.samples, addValues) };
  return a;
}

function join<S extends { readonly labels: TelemetryLabels }>(a: readonly S[], b: readonly S[], add: (a: S, b: S) => S): S[] {
  const byLabels = new Map<string, S>();
  for (const sample of [...a, ...b]) {
    const key = JSON.stringify(Object.entries(sample.labels).sort());
    const held = byLabels.get(key);
    byLabels.set(key, held === undefined ? sample : add(held, sample));
  }
  return [...byLabels.values()];
}

function addValues(a: ValueSample, b: ValueSample): ValueSample {
  return { labels: a.labels, value: a.value + b.value };
}

/** Of other bounds, which another version may have, nothing can be added. */
function addHistograms(a: HistogramSample, b: HistogramSample): HistogramSample {
  if (a.bounds.length !== b.bounds.length) return a;
  return { ...a, counts: a.counts.map((count, i) => count + (b.counts[i] ?? 0)), sum: a.sum + b.sum };
}
