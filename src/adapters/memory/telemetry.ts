/** The process's own metrics in memory, and its log as JSON lines. */
import { MetricStreamError } from '../../model/errors.ts';
import type { MetricFamily, Telemetry, TelemetryLabels, TelemetryReader } from '../../ports/telemetry.ts';
import { encodePrometheusText } from '../../protocols/prometheus-text.ts';

export interface MemoryTelemetryOptions {
  readonly nowMs: () => number;
  /** Takes one line of JSON without its line feed; left out: lines are dropped. */
  readonly write?: (line: string) => void;
  /** Help texts by metric name. */
  readonly help?: Readonly<Record<string, string>>;
}

/** From the clock's resolution to the longest time-out, seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const NAME = /^[a-z][a-z0-9_]*$/;
const SECRET_FIELD = /authorization|token|secret|password|cookie|api_?key|^key$/i;
const NO_LABELS: TelemetryLabels = {};

interface Counter {
  readonly name: string;
  readonly labels: TelemetryLabels;
  value: number;
}

interface Histogram {
  readonly name: string;
  readonly labels: TelemetryLabels;
  readonly counts: number[];
  sum: number;
}

interface Gauge {
  readonly name: string;
  readonly labels: TelemetryLabels;
  readonly read: () => number;
}

export interface MemoryTelemetry extends Telemetry, TelemetryReader {
  /** What `render` writes. */
  families(): readonly MetricFamily[];
  render(): string;
}

/**
 * Label objects that are used again are found by identity, without building a key: one look-up for each count.
 * A name belongs to one of count, observe and gauge.
 */
export function memoryTelemetry(options: MemoryTelemetryOptions): MemoryTelemetry {
  const counters = seriesTable((name, labels): Counter => ({ name, labels, value: 0 }));
  const histograms = seriesTable(
    (name, labels): Histogram => ({ name, labels, counts: new Array<number>(BOUNDS.length + 1).fill(0), sum: 0 }),
  );
  const gauges = new Map<string, Map<string, Gauge>>();

  const families = (): MetricFamily[] => {
    const all: MetricFamily[] = [];
    const help = (name: string): string | undefined => options.help?.[name];
    for (const [name, series] of counters.byName) {
      all.push({ type: 'counter', name, help: help(name), samples: [...series.values()] });
    }
    for (const [name, series] of gauges) {
      const samples = [...series.values()].map(({ labels, read }) => ({ labels, value: readSafely(read) }));
      all.push({ type: 'gauge', name, help: help(name), samples });
    }
    for (const [name, series] of histograms.byName) {
      const samples = [...series.values()].map((one) => ({ ...one, bounds: BOUNDS }));
      all.push({ type: 'histogram', name, help: help(name), samples });
    }
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  };

  return {
    count(name, by = 1, labels) {
      counters.find(name, labels).value += by;
    },
    observe(name, seconds, labels) {
      const histogram = histograms.find(name, labels);
      // A clock that was set back gives a negative duration.
      const positive = Math.max(0, seconds);
      let bucket = 0;
      while (bucket < BOUNDS.length && positive > (BOUNDS[bucket] as number)) bucket += 1;
      histogram.counts[bucket] = (histogram.counts[bucket] as number) + 1;
      histogram.sum += positive;
    },
    gauge(name, read, labels = NO_LABELS) {
      checkName(name);
      const series = gauges.get(name) ?? new Map<string, Gauge>();
      gauges.set(name, series);
      series.set(labelsKey(labels), { name, labels, read });
    },
    log(level, message, fields = {}) {
      options.write?.(logLine(options.nowMs(), level, message, fields));
    },
    families,
    render: () => encodePrometheusText(families()),
  };
}

interface SeriesTable<S> {
  readonly byName: ReadonlyMap<string, ReadonlyMap<string, S>>;
  find(name: string, labels: TelemetryLabels | undefined): S;
}

function seriesTable<S extends { readonly name: string }>(create: (name: string, labels: TelemetryLabels) => S): SeriesTable<S> {
  const byName = new Map<string, Map<string, S>>();
  const plain = new Map<string, S>();
  const byLabels = new WeakMap<TelemetryLabels, S>();

  const findSlowly = (name: string, labels: TelemetryLabels): S => {
    checkName(name);
    const series = byName.get(name) ?? new Map<string, S>();
    byName.set(name, series);
    const key = labelsKey(labels);
    const found = series.get(key) ?? create(name, { ...labels });
    series.set(key, found);
    return found;
  };
  return {
    byName,
    find(name, labels) {
      const known = labels === undefined ? plain.get(name) : byLabels.get(labels);
      if (known !== undefined && known.name === name) return known;
      const found = findSlowly(name, labels ?? NO_LABELS);
      if (labels === undefined) plain.set(name, found);
      else byLabels.set(labels, found);
      return found;
    },
  };
}

function checkName(name: string): void {
  if (!NAME.test(name)) throw new MetricStreamError('internal', `${name} is no metric name.`);
}

function labelsKey(labels: TelemetryLabels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A gauge that fails must not hide the others. */
function readSafely(read: () => number): number {
  try {
    return read();
  } catch {
    return Number.NaN;
  }
}

function logLine(nowMs: number, level: string, message: string, fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ time: new Date(nowMs).toISOString(), level, message, ...fields }, (name, value: unknown) => {
    if (SECRET_FIELD.test(name)) return '[redacted]';
    if (typeof value === 'bigint') return value.toString();
    return value instanceof Error ? `${value.name}: ${value.message}` : value;
  });
}
