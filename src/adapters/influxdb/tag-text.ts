/** Labels as tags of InfluxDB, and back: what line protocol or Flux could not keep apart is written otherwise, and nothing is lost. */
import type { Labels } from '../../model/series.ts';

/*
 * Values:  %00 is the empty text (InfluxDB drops empty tags)
 *          %XX is a control character, %5C a backslash (line protocol cannot carry a newline, nor a backslash at the end)
 *          %25 is a percent sign that would otherwise be read as one of these; any other percent sign stands for itself
 * Keys:    label:KEY where KEY is a tag, a field or a column of ours or of InfluxDB; no label key holds a colon
 */
const MARK = '(?:25|5C|7F|[01][0-9A-F])';
const WRITTEN_OTHERWISE = new RegExp(`[\\u0000-\\u001f\\u007f\\\\]|%(?=${MARK})`, 'g');
const MARKED = new RegExp(`%${MARK}`, 'g');
const EMPTY = '%00';
const KEY_MARK = 'label:';

const TAKEN = new Set(
  'datacenter environment host metric_name tenant client_id time value unit kind avg min max sum count first last increase revision result table'.split(
    ' ',
  ),
);

/** The text of a tag, not yet escaped for line protocol. */
export function tagText(value: string): string {
  if (value === '') return EMPTY;
  return value.replace(WRITTEN_OTHERWISE, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

export function textOfTag(tag: string): string {
  if (tag === EMPTY) return '';
  return tag.replace(MARKED, (mark) => String.fromCharCode(Number.parseInt(mark.slice(1), 16)));
}

/** InfluxDB keeps keys that begin with `_` for itself. */
export function tagKey(label: string): string {
  return label.startsWith('_') || TAKEN.has(label) ? KEY_MARK + label : label;
}

/** The labels among the tags of a series; the tags that every point has are not among them. */
export function labelsOfTags(tags: ReadonlyMap<string, string>): Labels {
  const labels: [string, string][] = [];
  for (const [key, value] of tags) {
    if (key.startsWith(KEY_MARK)) labels.push([key.slice(KEY_MARK.length), textOfTag(value)]);
    else if (!TAKEN.has(key) && !key.startsWith('_')) labels.push([key, textOfTag(value)]);
  }
  return labels.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}
