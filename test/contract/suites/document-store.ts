/** The contract of the document-store port. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryDocumentStore } from '../../../src/adapters/memory/document-store.ts';
import type { DocumentQuery, DocumentStore, DocumentWrite } from '../../../src/ports/document-store.ts';

const NOTE = { tenant: 'acme', kind: 'note', id: 'one', atMs: 5, parent: '', body: '{"a":1}' };
const ALL: DocumentQuery = { tenant: undefined, kind: 'note', max: 100 };

/** @param create answers a store without documents. */
export function describeDocumentStore(name: string, create: () => DocumentStore): void {
  describe(`document-store: ${name}`, () => {
    test('a document is what was written last, its version counts the writes, and another that is alike is not touched', () => {
      const store = create();
      expect(store.get(NOTE)).toBeUndefined();
      expect(store.commit([NOTE])).toEqual([true]);
      expect(store.get(NOTE)).toEqual({ ...NOTE, version: 1 });
      store.commit([
        { ...NOTE, tenant: 'other' },
        { ...NOTE, kind: 'word' },
        { ...NOTE, id: 'two' },
      ]);
      store.commit([{ ...NOTE, atMs: 7, parent: 'two', body: '{}' }]);
      expect(store.get(NOTE)).toEqual({ ...NOTE, version: 2, atMs: 7, parent: 'two', body: '{}' });
      expect(store.get({ ...NOTE, tenant: 'other' })).toEqual({ ...NOTE, tenant: 'other', version: 1 });
    });

    test('a write for where there is none yet is passed over, within a commit and after it, and says so', () => {
      const store = create();
      const first = { ...NOTE, ifAbsent: true };
      expect(store.commit([first, { ...first, body: '{"b":2}' }])).toEqual([true, false]);
      expect(store.commit([{ ...first, body: '{"c":3}' }])).toEqual([false]);
      expect(store.get(NOTE)).toEqual({ ...NOTE, version: 1 });
    });

    test('a deletion says whether there was one, and the next document of that name begins anew', () => {
      const store = create();
      store.commit([NOTE, NOTE]);
      expect(store.commit([{ ...NOTE, body: undefined }])).toEqual([true]);
      expect(store.commit([{ ...NOTE, body: undefined }])).toEqual([false]);
      expect(store.get(NOTE)).toBeUndefined();
      store.commit([NOTE]);
      expect(store.get(NOTE)?.version).toBe(1);
    });

    test('nothing to write is no commit', () => {
      expect(create().commit([])).toEqual([]);
    });

    test('any text is kept as it is, as name and as content', () => {
      const store = create();
      const odd = { ...NOTE, id: 'cpu{a="b\'c"}%\u{1f600}', body: JSON.stringify({ text: 'Grüße\n\u0000' }) };
      store.commit([odd, { ...odd, id: 'cpu' }]);
      expect(store.get(odd)).toEqual({ ...odd, version: 1 });
    });

    test('the oldest of a kind go, so many at a time, and no others', () => {
      const store = create();
      store.commit([3, 1, 2, 9].map((atMs) => ({ ...NOTE, id: `n${atMs}`, atMs })));
      store.commit([{ ...NOTE, kind: 'word', atMs: 1 }]);
      expect(store.expire('note', 5, 2)).toBe(2);
      expect(store.list(ALL).map(({ id }) => id)).toEqual(['n3', 'n9']);
      expect(store.expire('note', 5, 2)).toBe(1);
      expect(store.expire('note', 5, 2)).toBe(0);
      expect(store.get({ ...NOTE, kind: 'word' })).toBeDefined();
    });

    test('thousands of documents are written at once, and read page by page, each once', () => {
      const store = create();
      const writes = Array.from({ length: 2_500 }, (_, i) => ({ ...NOTE, id: `n${i}`, atMs: Math.floor(i / 900) }));
      store.commit(writes);
      for (const newestFirst of [false, true]) {
        const seen = new Set<string>();
        let after: DocumentQuery['after'];
        for (let page = store.list({ ...ALL, newestFirst }); page.length > 0; page = store.list({ ...ALL, newestFirst, after })) {
          for (const { id } of page) seen.add(id);
          after = page.at(-1);
        }
        expect(seen.size).toBe(writes.length);
      }
    });

    test('what is listed, in which order, is what the port says', () => {
      const write: fc.Arbitrary<DocumentWrite> = fc.record({
        tenant: fc.constantFrom('acme', 'other'),
        kind: fc.constantFrom('note', 'word'),
        id: fc.constantFrom('a', 'b', 'B', 'c', 'd'),
        atMs: fc.integer({ min: -2, max: 5 }),
        parent: fc.constantFrom('', 'p'),
        body: fc.option(fc.json(), { nil: undefined }),
        ifAbsent: fc.boolean(),
      });
      const query: fc.Arbitrary<DocumentQuery> = fc.record({
        tenant: fc.constantFrom(undefined, 'acme'),
        kind: fc.constant('note'),
        parent: fc.constantFrom(undefined, '', 'p'),
        fromMs: fc.option(fc.integer({ min: -2, max: 5 }), { nil: undefined }),
        toMs: fc.option(fc.integer({ min: -2, max: 5 }), { nil: undefined }),
        newestFirst: fc.boolean(),
        after: fc.option(fc.record({ atMs: fc.integer({ min: 0, max: 3 }), id: fc.constant('b'), tenant: fc.constant('acme') }), {
          nil: undefined,
        }),
        max: fc.integer({ min: 1, max: 6 }),
      });
      fc.assert(
        fc.property(fc.array(write, { maxLength: 30 }), fc.array(query, { maxLength: 4 }), (writes, queries) => {
          const [store, model] = [create(), memoryDocumentStore()];
          const drop = store.list({ ...ALL, kind: 'note' }).concat(store.list({ ...ALL, kind: 'word' }));
          store.commit(drop.map((document) => ({ ...document, body: undefined })));
          expect(store.commit(writes)).toEqual(model.commit(writes));
          for (const one of queries) expect(store.list(one)).toEqual(model.list(one));
        }),
        { numRuns: 50 },
      );
    });
  });
}
