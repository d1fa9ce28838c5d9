/** The contract of the enrichment-registry port. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import type { EnrichmentRegistry } from '../../../src/ports/enrichment-registry.ts';
import { NO_ENRICHMENTS } from '../../../src/protocols/enrichment-table.ts';

export interface EnrichmentsUnderTest {
  readonly one: EnrichmentRegistry;
  /** Another edge, that shares the tables with the first; the same where there is only one. */
  readonly other: EnrichmentRegistry;
  /** Lets the time pass after which a change has to show. */
  later(): Promise<void>;
  close?(): Promise<void>;
}

const RACK = '{"web-1":{"datacenter":"fra","tags":{"rack":"r7","team":"web"}}}';
const OTHER_RACK = '{"web-1":{"tags":{"rack":"r8"}}}';

async function put(registry: EnrichmentRegistry, tenant: string, text: string) {
  const { version } = await registry.read(tenant);
  return registry.replace({ tenant, version, text });
}

/** Nearly as large as one table may be. */
function large(name: string): string {
  const rows: string[] = [];
  for (let length = 0; length < LIMITS.enrichmentTableBytesMax - 200; length += rows.at(-1)?.length ?? 0)
    rows.push(`"${name}-${rows.length}":{"environment":"${'e'.repeat(60)}"}`);
  return `{${rows.join(',')}}`;
}

/** @param create answers registries without any table. */
export function describeEnrichmentRegistry(
  name: string,
  create: () => EnrichmentsUnderTest | Promise<EnrichmentsUnderTest>,
): void {
  const opened = async (work: (under: EnrichmentsUnderTest) => Promise<void>): Promise<void> => {
    const under = await create();
    try {
      await work(under);
    } finally {
      await under.close?.();
    }
  };

  describe(`enrichment-registry: ${name}`, () => {
    test('nothing is found until a table is put in place, then its rows, each for its client alone', () =>
      opened(async ({ one }) => {
        expect(await one.read('acme')).toEqual({ tenant: 'acme', version: 0, text: NO_ENRICHMENTS });
        expect(one.find('acme', 'web-1')).toBeUndefined();
        const table = await put(one, 'acme', RACK);
        expect(table).toMatchObject({ tenant: 'acme', text: RACK });
        expect(await one.read('acme')).toEqual(table);
        expect(one.find('acme', 'web-1')).toEqual({
          datacenter: 'fra',
          environment: undefined,
          tags: [
            ['rack', 'r7'],
            ['team', 'web'],
          ],
        });
        expect(one.find('acme', 'web-2')).toBeUndefined();
        expect(one.find('acme', '__proto__')).toBeUndefined();
        expect(one.find('acme', 'web-1')).toBe(one.find('acme', 'web-1'));
      }));

    test('tenants are apart: what one puts in place another neither finds nor changes', () =>
      opened(async ({ one }) => {
        await put(one, 'acme', RACK);
        await put(one, 'beta', OTHER_RACK);
        await put(one, 'acme-two', RACK);
        expect(one.find('acme', 'web-1')?.datacenter).toBe('fra');
        expect(one.find('beta', 'web-1')).toMatchObject({ datacenter: undefined, tags: [['rack', 'r8']] });
        await put(one, 'acme', NO_ENRICHMENTS);
        expect(one.find('acme', 'web-1')).toBeUndefined();
        expect(one.find('acme-two', 'web-1')?.datacenter).toBe('fra');
        expect((await one.read('gamma')).text).toBe(NO_ENRICHMENTS);
      }));

    test('a change of a version that is not the newest changes nothing, and says so', () =>
      opened(async ({ one }) => {
        const first = await put(one, 'acme', RACK);
        const second = await put(one, 'acme', OTHER_RACK);
        expect(second?.version).toBeGreaterThan(first?.version ?? Number.NaN);
        for (const version of [0, first?.version ?? 0, (second?.version ?? 0) + 1])
          expect(await one.replace({ tenant: 'acme', version, text: RACK })).toBeUndefined();
        expect(await one.read('acme')).toEqual(second);
        expect(one.find('acme', 'web-1')?.tags).toEqual([['rack', 'r8']]);
      }));

    test('what is read is what was put, character by character, whatever clients are called', () =>
      opened(async ({ one, other, later }) => {
        const text = '{"10":{},"9":{},"a":{"tags":{"note":"\\"é\\u2028"}},"constructor":{}}';
        await put(one, 'acme', text);
        await later();
        for (const registry of [one, other]) expect((await registry.read('acme')).text).toBe(text);
        expect(['9', '10', 'constructor'].map((client) => other.find('acme', client) !== undefined)).toEqual([true, true, true]);
      }));

    test('an emptied table finds nothing, and its version rises', () =>
      opened(async ({ one, other, later }) => {
        const first = await put(one, 'acme', RACK);
        await later();
        const emptied = await put(one, 'acme', NO_ENRICHMENTS);
        expect(emptied?.version).toBeGreaterThan(first?.version ?? Number.NaN);
        await later();
        for (const registry of [one, other]) expect(registry.find('acme', 'web-1')).toBeUndefined();
        expect(await other.read('acme')).toEqual(emptied);
      }));

    test('what one edge changes another finds within its time, and changes on', () =>
      opened(async ({ one, other, later }) => {
        await put(one, 'acme', RACK);
        await later();
        expect(other.find('acme', 'web-1')?.datacenter).toBe('fra');
        await put(other, 'acme', OTHER_RACK);
        await put(other, 'beta', RACK);
        await later();
        expect(one.find('acme', 'web-1')?.tags).toEqual([['rack', 'r8']]);
        expect(one.find('beta', 'web-1')?.datacenter).toBe('fra');
      }));

    test('of two changes of one version made at once one counts, the same for every edge', () =>
      opened(async ({ one, other, later }) => {
        await put(one, 'acme', '{"web-9":{}}');
        await later();
        const { version } = await other.read('acme');
        const outcomes = await Promise.all([
          one.replace({ tenant: 'acme', version, text: RACK }),
          other.replace({ tenant: 'acme', version, text: OTHER_RACK }),
        ]);
        expect(outcomes.filter((outcome) => outcome !== undefined)).toHaveLength(1);
        await later();
        const { text } = outcomes.find((outcome) => outcome !== undefined) ?? { text: '' };
        for (const registry of [one, other]) expect((await registry.read('acme')).text).toBe(text);
      }));

    test('all tables together take no more than their room, and one that is smaller than before finds it', () =>
      opened(async ({ one }) => {
        const text = large('web');
        const fit = Math.floor(LIMITS.enrichmentsBytesMax / text.length);
        for (let i = 0; i < fit; i++) await put(one, `tenant-${i}`, text);
        await expect(put(one, 'acme', text)).rejects.toMatchObject({ code: 'unavailable' });
        expect(one.find('acme', 'web-0')).toBeUndefined();
        await put(one, 'tenant-0', RACK);
        await put(one, 'acme', text);
        expect(one.find('acme', 'web-0')).toBeDefined();
      }));
  });
}
