/** A tenant's table of enrichments as text: what registries keep, what travels, and what its ETag is made of. */
import { CLIENT_PATTERN } from '../model/access.ts';
import type { Enrichment } from '../model/enrichment.ts';
import { MetricStreamError } from '../model/errors.ts';
import { isPlaceName } from '../model/place-name.ts';
import type { Labels } from '../model/series.ts';
import { tagsOf } from '../model/tags.ts';

/*
 * table = { CLIENT: row, ... }                                                     JSON without blanks, clients in code-unit order
 * row   = { "datacenter"?: NAME, "environment"?: NAME, "tags"?: { NAME: VALUE } }  members in this order, tags by name
 * So equal tables are equal texts.
 */

export const NO_ENRICHMENTS = '{}';

export function encodeEnrichments(rows: ReadonlyMap<string, Enrichment>): string {
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([client, row]) => `${JSON.stringify(client)}:${encodeEnrichment(row)}`).join(',')}}`;
}

/** One row. */
export function encodeEnrichment({ datacenter, environment, tags }: Enrichment): string {
  return JSON.stringify({ datacenter, environment, tags: tags === undefined ? undefined : Object.fromEntries(tags) });
}

/** @throws corrupt_data for what the encoder here could not have written, order aside. */
export function decodeEnrichments(text: string): Map<string, Enrichment> {
  const sets = new Map<string, Labels>();
  const rows = new Map<string, Enrichment>();
  for (const [client, row] of Object.entries(parsed(text))) {
    const enrichment = CLIENT_PATTERN.test(client) ? enrichmentOf(row, sets) : undefined;
    if (enrichment === undefined) throw corrupt();
    rows.set(client, enrichment);
  }
  return rows;
}

function parsed(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw corrupt();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw corrupt();
  return value;
}

/** @param sets those seen before: a rack's tags stand once in memory, however many hosts it has. */
function enrichmentOf(row: unknown, sets: Map<string, Labels>): Enrichment | undefined {
  if (typeof row !== 'object' || row === null) return undefined;
  const { datacenter, environment, tags } = row as Record<string, unknown>;
  if (datacenter !== undefined && !isPlaceName(datacenter)) return undefined;
  if (environment !== undefined && !isPlaceName(environment)) return undefined;
  if (tags === undefined) return { datacenter, environment, tags };
  const set = tagsOf(tags);
  if (set === undefined) return undefined;
  const text = JSON.stringify(set);
  const known = sets.get(text) ?? set;
  sets.set(text, known);
  return { datacenter, environment, tags: known.length === 0 ? undefined : known };
}

function corrupt(): MetricStreamError {
  return new MetricStreamError('corrupt_data', 'A stored table of enrichments cannot be read.');
}
