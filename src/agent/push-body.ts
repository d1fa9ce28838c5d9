/** The bytes of a push: samples as the JSON that POST /metrics takes. */
import { catalogueNumber, type Kind } from '../model/catalogue.ts';
import { LIMITS } from '../model/limits.ts';

/** One value of one series. `timestampMs` is Unix ms; a catalogue name needs neither unit nor kind. */
export interface Sample {
  readonly name: string;
  readonly value: number;
  readonly timestampMs: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly unit?: string;
  readonly kind?: Kind;
}

/**
 * `{"client_id","metrics":[{"name","value","timestamp","labels"?,"unit"?,"kind"?}]}` in UTF-8.
 * @param shared labels of every sample that does not bring them itself.
 */
export function encodeBody(client: string, samples: readonly Sample[], shared: Readonly<Record<string, string>>): Uint8Array {
  const metrics = samples.map(({ name, value, timestampMs, labels, unit, kind }) => {
    const known = catalogueNumber(name) >= 0;
    return {
      name,
      value,
      timestamp: timestampMs,
      labels: cleanLabels({ ...shared, ...labels }),
      unit: known ? undefined : unit,
      kind: known ? undefined : kind,
    };
  });
  return new TextEncoder().encode(JSON.stringify({ client_id: client, metrics }));
}

/** Mount points and device names may hold what a label may not: a sample with an odd name beats a refused one. */
function cleanLabels(labels: Readonly<Record<string, string>>): Record<string, string> | undefined {
  const clean: Record<string, string> = {};
  for (const [key, value] of Object.entries(labels)) {
    const text = value
      .replace(/[\u0000-\u001f\u007f]/g, '?')
      .slice(0, LIMITS.labelValueLengthMax)
      .toWellFormed();
    if (text !== '') clean[key] = text;
  }
  return Object.keys(clean).length === 0 ? undefined : clean;
}
