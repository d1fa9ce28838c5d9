/** Our own health: counters, gauges, histograms and log lines. */

export type TelemetryLabels = Readonly<Record<string, string>>;

export interface Telemetry {
  /** Adds to a counter (name ends in _total). Label values are bounded sets, never client input. */
  count(name: string, by?: number, labels?: TelemetryLabels): void;
  /** Records one duration in seconds (name ends in _seconds). */
  observe(name: string, seconds: number, labels?: TelemetryLabels): void;
  /** Registers a gauge that is read when asked for. A second registration of the same name and labels replaces the first. */
  gauge(name: string, read: () => number, labels?: TelemetryLabels): void;
  /** One structured line for operators. Never holds keys, cookies or bodies. */
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void;
}

interface FamilyOf<Type extends string, Sample> {
  readonly type: Type;
  /** [A-Za-z_:][A-Za-z0-9_:]* */
  readonly name: string;
  readonly help?: string | undefined;
  readonly samples: readonly Sample[];
}

export interface ValueSample {
  readonly labels: TelemetryLabels;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: TelemetryLabels;
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: readonly number[];
  /** How many observations fell in each bucket, not cumulative; one more than bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export type MetricFamily = FamilyOf<'counter' | 'gauge', ValueSample> | FamilyOf<'histogram', HistogramSample>;

/** Read side, for GET /metrics. */
export interface TelemetryReader {
  /** Prometheus text format 0.0.4. */
  render(): string | Promise<string>;
}
