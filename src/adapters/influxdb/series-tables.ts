/** The tables of an answer by series: which belong together, and whose they are. */
import { createSeries, type Series } from '../../model/series.ts';
import type { FluxTable } from './flux-tables.ts';
import { WORDS } from './names.ts';
import { labelsOfTags, textOfTag } from './tag-text.ts';

/** One series as it lies under one set of tags: of another datacenter or environment it lies there again. */
export interface SeriesTables {
  readonly series: Series;
  /** By field; fields that are words are not among them. */
  readonly fields: ReadonlyMap<string, FluxTable>;
}

interface Found {
  readonly tags: ReadonlyMap<string, string>;
  readonly fields: Map<string, FluxTable>;
}

/**
 * In the order of the series' keys. Those of which nothing but words was found are left out.
 * @param tables those of one series and field may be several: each is of a later stretch than the one before.
 */
export function seriesOfTables(tables: readonly FluxTable[]): SeriesTables[] {
  const found = new Map<string, Found>();
  for (const table of tables) {
    const key = keyOf(table.tags);
    const held: Found = found.get(key) ?? { tags: table.tags, fields: new Map() };
    found.set(key, held);
    const field = table.tags.get('_field') ?? '';
    const before = held.fields.get(field);
    held.fields.set(field, before === undefined ? table : joined(before, table));
  }
  return [...found.values()]
    .map(({ tags, fields }) => {
      const series = seriesOf(tags, fields);
      for (const word of WORDS) fields.delete(word);
      return { series, fields };
    })
    .filter(({ fields }) => fields.size > 0)
    .sort((a, b) => (a.series.key < b.series.key ? -1 : a.series.key > b.series.key ? 1 : 0));
}

function joined(a: FluxTable, b: FluxTable): FluxTable {
  const { result, tags } = a;
  return {
    result,
    tags,
    timesMs: a.timesMs.concat(b.timesMs),
    timesNs: a.timesNs.concat(b.timesNs),
    numbers: a.numbers.concat(b.numbers),
    texts: a.texts.concat(b.texts),
  };
}

/** All tags but the field. */
function keyOf(tags: ReadonlyMap<string, string>): string {
  const pairs = [...tags].filter(([key]) => key !== '_field').map(([key, value]) => `${key}\0${value}`);
  return pairs.sort().join('\0');
}

function seriesOf(tags: ReadonlyMap<string, string>, fields: ReadonlyMap<string, FluxTable>): Series {
  const unit = fields.get('unit')?.texts.at(-1) ?? '';
  const kind = fields.get('kind')?.texts.at(-1) === 'counter' ? 'counter' : 'gauge';
  return createSeries(textOfTag(tags.get('metric_name') ?? ''), labelsOfTags(tags), unit, kind);
}

/** What lies several times, series by series. */
export function bySeries(found: readonly SeriesTables[]): { readonly series: Series; readonly versions: SeriesTables[] }[] {
  const grouped = new Map<string, { series: Series; versions: SeriesTables[] }>();
  for (const one of found) {
    const held = grouped.get(one.series.key);
    if (held === undefined) grouped.set(one.series.key, { series: one.series, versions: [one] });
    else held.versions.push(one);
  }
  return [...grouped.values()];
}
