/** Counts of an edge that nobody scrapes: they are kept until a push takes them along to a shard. */
import type { EdgeCount } from '../../ports/shard-service.ts';
import type { Telemetry, TelemetryLabels } from '../../ports/telemetry.ts';

export interface TravellingTelemetry extends Telemetry {
  /** What was counted since the last time. */
  drain(): readonly EdgeCount[];
}

/** @param write takes a line of JSON. Durations are not kept: the clock of a Worker stands still while it computes. */
export function travellingTelemetry(write: (line: string) => void): TravellingTelemetry {
  let counts = new Map<string, [name: string, by: number, labels: TelemetryLabels | undefined]>();
  return {
    count(name, by = 1, labels) {
      const key = labels === undefined ? name : `${name} ${JSON.stringify(labels)}`;
      const held = counts.get(key);
      if (held === undefined) counts.set(key, [name, by, labels]);
      else held[1] += by;
    },
    observe: () => undefined,
    gauge: () => undefined,
    log: (level, message, fields) => write(JSON.stringify({ level, message, ...fields })),
    drain() {
      const drained = [...counts.values()];
      counts = new Map();
      return drained;
    },
  };
}
