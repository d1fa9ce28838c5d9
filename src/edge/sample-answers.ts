/** Samples as text: objects and CSV. */
import { LIMITS } from '../model/limits.ts';
import type { ClientSamples } from '../ports/metric-reader.ts';
import { numberText } from '../protocols/number-text.ts';
import { formatTimestamp } from '../protocols/timestamp.ts';
import { CSV_END, csvCell, labelsText } from './text.ts';
import { tooMany } from './window-answers.ts';

/** `timestamp` is Unix ms as a number, or Unix ns as decimal text where the sample has a finer time. */
type EachSample = (timestamp: number | string, value: number) => void;

function eachSample({ block }: ClientSamples, column: ClientSamples['block']['columns'][number], each: EachSample): void {
  const { timesMs, timesNs } = block;
  const { rows, values } = column;
  for (let i = 0; i < values.length; i++) {
    const row = rows === undefined ? i : (rows[i] as number);
    each(formatTimestamp(timesMs[row] as number, timesNs === undefined ? 0 : (timesNs[row] as number)), values[i] as number);
  }
}

/** `{"samples":[{"client_id","metric","labels","unit","timestamp","value"}]}`, series by series, each in time order. */
export function sampleWriter(): { add(samples: ClientSamples): void; end(): string } {
  const parts: string[] = [];
  return {
    add(samples) {
      const count = samples.block.columns.reduce((sum, column) => sum + column.values.length, parts.length);
      if (count > LIMITS.pointsMax) throw tooMany(count, LIMITS.pointsMax, 'samples');
      for (const column of samples.block.columns) {
        const { name, labels, unit } = column.series;
        const head = `{"client_id":${JSON.stringify(samples.client)},"metric":${JSON.stringify(name)},"labels":${labelsText(labels)},"unit":${JSON.stringify(unit)},"timestamp":`;
        eachSample(samples, column, (timestamp, value) => {
          const time = typeof timestamp === 'number' ? timestamp : `"${timestamp}"`;
          parts.push(`${head}${time},"value":${numberText(value)}}`);
        });
      }
    },
    end: () => `{"samples":[${parts.join(',')}]}`,
  };
}

export const SAMPLE_CSV_HEADER = `client_id,metric,labels,unit,timestamp,value${CSV_END}`;

export function sampleCsvLines(samples: ClientSamples): string {
  let text = '';
  for (const column of samples.block.columns) {
    const { name, labels, unit } = column.series;
    const head = `${csvCell(samples.client)},${csvCell(name)},${csvCell(labelsText(labels))},${csvCell(unit)},`;
    eachSample(samples, column, (timestamp, value) => {
      text += `${head}${timestamp},${numberText(value)}${CSV_END}`;
    });
  }
  return text;
}
