/** Windows as text: objects, aligned columns, CSV. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { WindowColumn } from '../ports/time-series-store.ts';
import { numberText } from '../protocols/number-text.ts';
import { CSV_END, csvCell, labelsText, numbersText } from './text.ts';
import { countWindows, eachWindow, FIELD_READERS, type Field, isOpen } from './window-fold.ts';

/** Of a query; times are multiples of stepMs, ends exclusive. */
export interface WindowForm {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
  readonly fields: readonly Field[];
}

/** Takes columns, gives the whole answer. */
export interface WindowWriter {
  /** @param openFromMs windows from here on are open. @throws too_many_points */
  add(client: string, column: WindowColumn, openFromMs: number): void;
  end(): string;
}

/** `{"windows":[{"client_id","metric","labels","start",FIELD…,"open"?}]}` */
export function objectWriter(form: WindowForm): WindowWriter {
  const parts: string[] = [];
  const readers = form.fields.map((field) => ({ name: `,"${field}":`, read: FIELD_READERS[field] }));
  return {
    add(client, column, openFromMs) {
      const count = parts.length + countWindows(column, form.stepMs);
      if (count > LIMITS.pointsMax) throw tooMany(count, LIMITS.pointsMax, 'windows');
      const { name, labels } = column.series;
      const head = `{"client_id":${JSON.stringify(client)},"metric":${JSON.stringify(name)},"labels":${labelsText(labels)},"start":`;
      eachWindow(column, form.stepMs, (startMs, from, to) => {
        let text = head + startMs;
        for (const reader of readers) text += reader.name + numberText(reader.read(column, from, to));
        parts.push(text + (isOpen(column, to, openFromMs) ? ',"open":true}' : '}'));
      });
    },
    end: () => `{"windows":[${parts.join(',')}]}`,
  };
}

/**
 * `{"start","step","series":[{"client_id","metric","labels","unit",FIELD:[…]…,"open_from"?}]}`: place i of an array is the window
 * that starts at start + i·step; null where there is none. What is bounded is the number of values, nulls with them.
 * @throws too_many_points when one series would be too many
 */
export function columnWriter(form: WindowForm): WindowWriter {
  const { startMs, endMs, stepMs, fields } = form;
  const places = Math.max(0, (endMs - startMs) / stepMs);
  const valuesPerSeries = places * fields.length;
  const checkCount = (series: number): void => {
    const count = series * valuesPerSeries;
    if (count > LIMITS.columnPointsMax) throw tooMany(count, LIMITS.columnPointsMax, 'values');
  };
  checkCount(1);
  const readers = fields.map((field) => ({ name: `,"${field}":`, read: FIELD_READERS[field] }));
  const cells = new Array<number | null>(places);
  const parts: string[] = [];
  return {
    add(client, column, openFromMs) {
      checkCount(parts.length + 1);
      const filled: number[] = [];
      const edges = [0];
      eachWindow(column, stepMs, (windowMs, _from, to) => {
        filled.push((windowMs - startMs) / stepMs);
        edges.push(to);
      });
      const { name, labels, unit } = column.series;
      let text = `{"client_id":${JSON.stringify(client)},"metric":${JSON.stringify(name)},"labels":${labelsText(labels)},"unit":${JSON.stringify(unit)}`;
      for (const { name: field, read } of readers) {
        cells.fill(null);
        for (let i = 0; i < filled.length; i++) {
          cells[filled[i] as number] = read(column, edges[i] as number, edges[i + 1] as number);
        }
        text += field + numbersText(cells);
      }
      parts.push(openFromMs === Number.POSITIVE_INFINITY ? `${text}}` : `${text},"open_from":${openFromMs}}`);
    },
    end: () => `{"start":${startMs},"step":${stepMs},"series":[${parts.join(',')}]}`,
  };
}

export function csvHeader(fields: readonly Field[]): string {
  return ['client_id', 'metric', 'labels', 'start', ...fields, 'open'].join(',') + CSV_END;
}

/** The lines of one column. */
export function csvLines(form: WindowForm, client: string, column: WindowColumn, openFromMs: number): string {
  const { name, labels } = column.series;
  const readers = form.fields.map((field) => FIELD_READERS[field]);
  const head = `${csvCell(client)},${csvCell(name)},${csvCell(labelsText(labels))},`;
  let text = '';
  eachWindow(column, form.stepMs, (startMs, from, to) => {
    text += head + startMs;
    for (const read of readers) text += `,${numberText(read(column, from, to))}`;
    text += `,${isOpen(column, to, openFromMs)}${CSV_END}`;
  });
  return text;
}

/** The reading stops at the bound, so the true count is not known. */
export function tooMany(count: number, limit: number, what: string): MetricStreamError {
  return new MetricStreamError(
    'too_many_points',
    `The answer would hold at least ${count} ${what}; the limit is ${limit}. Ask for a shorter range, fewer series or a longer step.`,
  );
}
