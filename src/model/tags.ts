/** Tags: labels that the edge adds to every sample of a key or of a client. */
import { LIMITS } from './limits.ts';
import { isReservedLabel, LABEL_KEY_PATTERN, type Labels } from './series.ts';

/** A tag is named as a label is; datacenter and environment have a place of their own beside the tags. */
export function isTagName(name: string): boolean {
  const isLabel = name.length <= LIMITS.labelKeyLengthMax && LABEL_KEY_PATTERN.test(name) && !isReservedLabel(name);
  return isLabel && name !== 'datacenter' && name !== 'environment';
}

/** What a label may hold, and not nothing: who wants no tag leaves it out. */
export function isTagValue(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= LIMITS.labelValueLengthMax &&
    !/[\u0000-\u001f\u007f]/.test(value) &&
    value.isWellFormed()
  );
}

/** Whether so many tags fit into a key or a row of the table. */
export function fitsTags(tags: Labels): boolean {
  const encoder = new TextEncoder();
  const bytes = tags.reduce((sum, [name, value]) => sum + encoder.encode(name).length + encoder.encode(value).length, 0);
  return tags.length <= LIMITS.tagsMax && bytes <= LIMITS.tagsBytesMax;
}

/** @param value { NAME: VALUE } of any origin. @returns the tags by name, frozen for good; undefined when that is no set of tags. */
export function tagsOf(value: unknown): Labels | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const tags = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return tags.every(([name, text]) => isTagName(name) && isTagValue(text)) && fitsTags(tags) ? tags : undefined;
}
