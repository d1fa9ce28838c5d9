/** A log that keeps its batches in memory: as durable as the process. */
import type { MetricLog, StoredRecord } from '../../ports/metric-log.ts';

interface Batch {
  readonly records: readonly StoredRecord[];
  readonly appendMs: number;
  readonly bytes: number;
}

export function memoryMetricLog(): MetricLog {
  let batches: Batch[] = [];
  let end = 0;
  let held = 0;
  const last = (batch: Batch): number => batch.records[batch.records.length - 1]?.offset ?? -1;
  return {
    async append(records, appendMs) {
      const first = end;
      if (records.length === 0) return first;
      const stored = records.map(({ partition, bytes }, i) => ({ partition, bytes: bytes.slice(), offset: first + i, appendMs }));
      const bytes = stored.reduce((sum, record) => sum + record.bytes.length, 0);
      batches.push({ records: stored, appendMs, bytes });
      end += records.length;
      held += bytes;
      return first;
    },
    end: () => end,
    read(fromOffset, bytesMax) {
      const found: StoredRecord[] = [];
      let bytes = 0;
      for (const batch of batches) {
        if (last(batch) < fromOffset) continue;
        if (bytes >= bytesMax) break;
        found.push(...batch.records.filter((record) => record.offset >= fromOffset));
        bytes += batch.bytes;
      }
      return found;
    },
    trim(safeOffset, olderThanMs, bytesMax) {
      let deleted = 0;
      for (const batch of batches) {
        // The newest batch stays, as in a log that learns its end from it.
        const needed = last(batch) >= safeOffset || last(batch) + 1 >= end;
        if (needed || (batch.appendMs >= olderThanMs && held <= bytesMax)) break;
        held -= batch.bytes;
        deleted += 1;
      }
      batches = batches.slice(deleted);
      return { deleted, bytes: held };
    },
  };
}
