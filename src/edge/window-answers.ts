/** Windows as text: objects, aligned columns, CSV. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { WindowColumn } from '../ports/time-series-store.ts';
import { CSV_END, csvCell, labelsText, numberText } from './text.ts';
import { countWindows, FIELD_READERS, type Field, foldWindows } from './window-fold.ts';

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
      foldWindows(column, form.stepMs, openFromMs, (startMs, aggregate, revision, open) => {
        let text = head + startMs;
        for (const reader of readers) text += reader.name + numberText(reader.read(aggregate, revision));
        parts.push(text + (open ? ',"open":true}' : '}'));
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
  const columns = fields.map((field) => ({ field, read: FIELD_READERS[field], cells: new Array<string>(places) }));
  const parts: string[] = [];
  return {
    add(client, column, openFromMs) {
      checkCount(parts.length + 1);
      for (const { cells } of columns) cells.fill('null');
      foldWindows(column, stepMs, openFromMs, (windowMs, aggregate, revision) => {
        const place = (windowMs - startMs) / stepMs;
        for (const { cells, read } of columns) cells[place] = numberText(read(aggregate, revision));
      });
      const { name, labels, unit } = column.series;
      let text = `{"client_id":${JSON.stringify(client)},"metric":${JSON.stringify(name)},"labels":${labelsText(labels)},"unit":${JSON.stringify(unit)}`;
      for (const { field, cells } of columns) text += `,"${field}":[${cells.join(',')}]`;
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
  foldWindows(column, form.stepMs, openFromMs, (startMs, aggregate, revision, open) => {
    text += head + startMs;
    for (const read of readers) text += `,${numberText(read(aggregate, revision))}`;
    text += `,${open}${CSV_END}`;
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
