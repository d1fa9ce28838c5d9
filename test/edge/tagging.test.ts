/** Enrichment of a push: what wins, that its record is the one of an agent that says it all itself, and that nothing is made twice. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KeyClaims } from '../../src/edge/keys.ts';
import { Tagging } from '../../src/edge/tagging.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { Push } from '../../src/model/push.ts';
import { createSeries, type Labels } from '../../src/model/series.ts';
import { tagsOf } from '../../src/model/tags.ts';
import { ByteWriter } from '../../src/protocols/bytes.ts';
import { decodeRecord, encodePush, shapeInterner } from '../../src/protocols/log-record.ts';
import { createEdge, type Edge, NOW_MS } from './harness.ts';

interface Row {
  readonly datacenter?: string;
  readonly environment?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

async function enrich(edge: Edge, client: string, row: Row, tenant = 'acme'): Promise<void> {
  const { version } = await edge.deps.enrichments.read(tenant);
  await edge.deps.enrichments.replace({ tenant, version, text: JSON.stringify({ [client]: row }) });
}

function lastPush(edge: Edge): Push {
  return edge.appender.kept.at(-1)?.push ?? expect.fail('nothing was kept');
}

/** The labels of the first series that was kept last. */
function labelsKept(edge: Edge): Record<string, string> {
  return Object.fromEntries(lastPush(edge).shape.series[0]?.labels ?? []);
}

const metric = (labels?: Readonly<Record<string, string>>) => ({ name: 'queue_depth', value: 1, timestamp: NOW_MS, labels });

describe('a tag', () => {
  test('of the key wins over the sample’s label, and that over the table’s', async () => {
    const edge = createEdge();
    await enrich(edge, 'web-1', { tags: { rack: 'table', team: 'table', row: 'table' } });
    const key = await edge.key({ tags: [['rack', 'key']] });
    await edge.push({ client_id: 'web-1', metrics: [metric({ rack: 'sample', team: 'sample', queue: 'mail' })] }, { key });
    expect(labelsKept(edge)).toEqual({ rack: 'key', team: 'sample', row: 'table', queue: 'mail' });
  });

  test('of the table is put on the pushes of its client and its tenant alone', async () => {
    const edge = createEdge();
    await enrich(edge, 'web-1', { tags: { rack: 'r7' } });
    for (const [client, tenant, expected] of [
      ['web-1', 'acme', { rack: 'r7' }],
      ['web-2', 'acme', {}],
      ['web-1', 'beta', {}],
    ] as const) {
      await edge.push({ client_id: client, metrics: [metric()] }, { key: await edge.key({ tenant }) });
      expect(labelsKept(edge)).toEqual(expected);
    }
  });

  test('is found for the client that the header or the key names, too', async () => {
    const edge = createEdge();
    await enrich(edge, 'web-1', { tags: { rack: 'r7' } });
    await edge.push({ metrics: [metric()] }, { key: await edge.key(), headers: { 'x-client-id': 'web-1' } });
    expect(labelsKept(edge)).toEqual({ rack: 'r7' });
    await edge.push({ metrics: [metric()] }, { key: await edge.key({ client: 'web-1' }) });
    expect(labelsKept(edge)).toEqual({ rack: 'r7' });
  });

  test('changes with the next push after the table has, and stays as it was in what is kept', async () => {
    const edge = createEdge();
    const key = await edge.key();
    const push = () => edge.push({ client_id: 'web-1', metrics: [metric()] }, { key });
    const racks: (string | undefined)[] = [];
    for (const row of [{}, { tags: { rack: 'r7' } }, { tags: { rack: 'r8' } }, {}]) {
      await enrich(edge, 'web-1', row);
      await push();
      await push();
      racks.push(labelsKept(edge).rack);
    }
    expect(racks).toEqual([undefined, 'r7', 'r8', undefined]);
    const kept = edge.appender.kept.map(({ push: one }) => Object.fromEntries(one.shape.series[0]?.labels ?? []).rack);
    expect(kept).toEqual([undefined, undefined, 'r7', 'r7', 'r8', 'r8', undefined, undefined]);
  });

  test('that is one label too many costs the sample, by its place in the body, and no other', async () => {
    const edge = createEdge();
    await enrich(edge, 'web-1', { tags: { rack: 'r7' } });
    const full = Object.fromEntries(Array.from({ length: LIMITS.labelsMax }, (_, i) => [`label_${i}`, 'x']));
    const { label_0: _, ...room } = full;
    const metrics = [
      { name: 'bad name' },
      metric(full),
      metric(room),
      { ...metric({ ...room, rack: 'own' }), timestamp: NOW_MS - 1 },
    ];
    for (let time = 0; time < 2; time++) {
      const response = await edge.push({ client_id: 'web-1', metrics }, { key: await edge.key() });
      const { accepted, errors } = (await response.json()) as { accepted: number; errors: { index: number; code: string }[] };
      expect(accepted).toBe(2);
      expect(errors.map(({ index, code }) => [index, code])).toEqual([
        [0, 'invalid_name'],
        [1, 'too_many_labels'],
      ]);
      const { shape, values, timesMs, rejected } = lastPush(edge);
      expect(shape.series.map(({ labels }) => Object.fromEntries(labels).rack)).toEqual(['r7', 'own']);
      expect([values.length, [...timesMs]]).toEqual([2, [NOW_MS, NOW_MS - 1]]);
      expect(rejected).toEqual([
        ['invalid_name', 1],
        ['too_many_labels', 1],
      ]);
    }
  });

  test('counts where series are limited: the appender is handed the series with their tags', async () => {
    const edge = createEdge();
    const key = await edge.key({ tags: [['rack', 'r7']] });
    await edge.push({ client_id: 'web-1', metrics: [metric({ rack: 'a' }), metric({ rack: 'b' })] }, { key });
    // Two series of the agent are one of ours.
    expect(lastPush(edge).shape.series.map(({ key: own }) => own)).toEqual(['queue_depth\0rack\0r7', 'queue_depth\0rack\0r7']);
  });
});

test('two series without times that a tag makes one get a time each, so that neither is lost', async () => {
  const edge = createEdge();
  await enrich(edge, 'web-1', { tags: { team: 'web' } });
  const key = await edge.key({ tags: [['rack', 'r7']] });
  const untimed = (labels: Readonly<Record<string, string>>) => ({ name: 'queue_depth', value: 1, labels });
  await edge.push({ client_id: 'web-1', metrics: [untimed({ rack: 'a' }), untimed({ rack: 'b', team: 'web' })] }, { key });
  expect(new Set(lastPush(edge).shape.series.map((series) => series.key)).size).toBe(1);
  expect([...(lastPush(edge).timesNs ?? [])]).toEqual([0, 1]);
});

const PLACES: readonly (readonly [
  KeyClaims['datacenter'],
  string | undefined,
  string | undefined,
  string | undefined,
  unknown,
])[] = [
  ['key', 'label', 'agent', 'table', 'key'],
  [undefined, 'label', 'agent', 'table', 'label'],
  [undefined, 'no place', 'agent', 'table', 'agent'],
  [undefined, undefined, 'agent', 'table', 'agent'],
  [undefined, undefined, undefined, 'table', 'table'],
  [undefined, undefined, undefined, undefined, undefined],
];

describe.each(['datacenter', 'environment'] as const)('%s', (place) => {
  test.each(PLACES)('of key %s, label %s, agent %s and table %s is %s', async (ofKey, label, agent, table, expected) => {
    const edge = createEdge();
    if (table !== undefined) await enrich(edge, 'web-1', { [place]: table });
    const labels = label === undefined ? {} : { [place]: label };
    await edge.push(
      { client_id: 'web-1', metrics: [metric(labels), metric()] },
      {
        key: await edge.key(ofKey === undefined ? {} : { [place]: ofKey }),
        headers: agent === undefined ? {} : { [`x-${place}`]: agent },
      },
    );
    expect(lastPush(edge)[place]).toBe(expected);
  });

  test('is not taken from labels that disagree', async () => {
    const edge = createEdge();
    const metrics = [metric({ [place]: 'one' }), metric({ [place]: 'two' })];
    await edge.push({ client_id: 'web-1', metrics }, { key: await edge.key() });
    expect(lastPush(edge)[place]).toBeUndefined();
  });
});

const name = fc.constantFrom('rack', 'team', 'row', 'queue', 'zone');
const labels = fc.dictionary(name, fc.constantFrom('a', 'b', 'é', 'x y'), { maxKeys: 4 });
const sample = fc.record(
  {
    name: fc.constantFrom('queue_depth', 'cpu', 'load1', 'bad name'),
    value: fc.double({ min: 0, max: 100, noNaN: true }),
    timestamp: fc.constantFrom(NOW_MS, NOW_MS - 1, `${NOW_MS}000007`, undefined, 'never'),
    labels,
    kind: fc.constantFrom('gauge', undefined),
  },
  { noNullPrototype: true },
);
const body = fc.array(sample, { maxLength: 6 });
const tags = fc.option(
  labels.filter((one) => Object.keys(one).length > 0),
  { nil: undefined },
);

/** All that the log keeps of a push, but what names its body and its request. */
function recordOf(push: Push): Uint8Array {
  return encodePush({ ...push, contentHash: 0, correlationId: '' }, new ByteWriter(1024));
}

test('the record of a push that is enriched is, byte for byte, that of an agent which sends the labels itself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 3 }), tags, tags, async (bodies, ofKey, ofTable) => {
      const [enriching, plain] = [createEdge(), createEdge()];
      const row = { datacenter: 'fra', environment: 'test', ...(ofTable === undefined ? {} : { tags: ofTable }) };
      await enrich(enriching, 'web-1', row);
      const key = await enriching.key(ofKey === undefined ? {} : { tags: tagsOf(ofKey) });
      const plainKey = await plain.key({ datacenter: 'fra', environment: 'test' });
      // A shape that comes again takes the short way.
      for (const metrics of [...bodies, ...bodies]) {
        const headers = { 'idempotency-key': 'boot:0' };
        const said = metrics.map((one) => ({ ...one, labels: { ...ofTable, ...one.labels, ...ofKey } }));
        const answers = await Promise.all([
          enriching.push({ client_id: 'web-1', metrics }, { key, headers }),
          plain.push({ client_id: 'web-1', metrics: said }, { key: plainKey, headers }),
        ]);
        expect(answers[0].status).toBe(answers[1].status);
        expect(recordOf(lastPush(enriching))).toEqual(recordOf(lastPush(plain)));
      }
    }),
    { numRuns: 300 },
  );
});

test('what the log gives back needs no table: the record alone says the labels', async () => {
  const edge = createEdge();
  await enrich(edge, 'web-1', { datacenter: 'fra', tags: { rack: 'r7' } });
  await edge.push({ client_id: 'web-1', metrics: [metric()] }, { key: await edge.key() });
  const entry = decodeRecord(encodePush(lastPush(edge), new ByteWriter(1024)), shapeInterner());
  expect(entry).toMatchObject({ type: 'push', push: { datacenter: 'fra', shape: { series: [{ labels: [['rack', 'r7']] }] } } });
});

test('a shape is tagged once: equal pushes share it, and a table that is read anew leads to the same', () => {
  const shapes = shapeInterner();
  const tagging = new Tagging(shapes);
  const shape = shapes.intern([createSeries('cpu', [], 'percent', 'gauge'), createSeries('load1', [], '', 'gauge')]);
  const push = {
    clientId: 'web-1',
    metrics: 2,
    shape,
    values: Float64Array.of(1, 2),
    timesMs: Float64Array.of(NOW_MS),
    timesNs: undefined,
    stamped: false,
    indices: undefined,
    rejections: [],
  };
  const table: Labels = [['rack', 'r7']];
  const tagged = tagging.tag(push, { table, key: undefined });
  expect(tagged.shape).not.toBe(shape);
  expect(tagging.tag(push, { table, key: undefined }).shape).toBe(tagged.shape);
  expect(tagging.tag(push, { table: [['rack', 'r7']], key: undefined }).shape).toBe(tagged.shape);
  expect(tagging.tag(push, { table: undefined, key: [['rack', 'r7']] }).shape).toBe(tagged.shape);
  expect(tagged.values).toBe(push.values);
});

test('without tags a push keeps the very shape that its client sent', async () => {
  const edge = createEdge();
  const key = await edge.key();
  await enrich(edge, 'web-2', { tags: { rack: 'r7' } });
  await enrich(edge, 'web-1', { datacenter: 'fra' });
  const push = () => edge.push({ client_id: 'web-1', metrics: [metric()] }, { key });
  await push();
  await push();
  const [first, second] = edge.appender.kept;
  expect(second?.push.shape).toBe(first?.push.shape);
  expect(second?.push.shape.series[0]?.labels).toEqual([]);
});
