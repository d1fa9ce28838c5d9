/** Bringing rules to every partition: each version once, again where it failed, and without reading every file of every tenant again. */
import { expect, test } from 'vitest';
import { memoryDocumentStore } from '../../../src/adapters/memory/document-store.ts';
import { rulePublisher } from '../../../src/alerts/rule-publisher.ts';
import type { AlertControl } from '../../../src/model/alert.ts';
import type { DocumentStore } from '../../../src/ports/document-store.ts';

function lab() {
  const documents = memoryDocumentStore();
  const it = { reads: 0, told: [] as string[], broken: false, during: (): void => undefined };
  const store: DocumentStore = {
    ...documents,
    list: (query) => {
      if (query.kind === 'rules') it.reads += 1;
      return documents.list(query);
    },
  };
  const write = (tenant: string, alert: string): void => {
    const text = `groups: [{ name: g, rules: [{ alert: ${alert}, expr: avg(cpu) > 1 }] }]`;
    documents.commit([{ tenant, kind: 'rules', id: 'file', atMs: 0, parent: '', body: JSON.stringify({ text }) }]);
  };
  const open = () =>
    rulePublisher({
      store,
      clock: { nowMs: () => 1_000, schedule: () => () => undefined },
      telemetry: { count: () => undefined, observe: () => undefined, gauge: () => undefined, log: () => undefined },
      async publish(control: AlertControl) {
        if (it.broken) throw new Error('no broker');
        if (control.kind === 'rules') it.told.push(`${control.tenant} ${control.rules.version}`);
        it.during();
      },
    });
  return { it, write, open };
}

test('a change is told once, at a start those that were not told, and what failed again', async () => {
  const { it, write, open } = lab();
  for (const tenant of ['a', 'b']) write(tenant, 'One');
  const publisher = open();
  await publisher.run();
  await publisher.run();
  expect(it.told).toEqual(['a 1', 'b 1']);
  expect(publisher.nextDueMs()).toBeUndefined();
  it.broken = true;
  write('b', 'Two');
  publisher.changed('b');
  await publisher.run();
  expect(publisher.nextDueMs()).toBeGreaterThan(1_000);
  it.broken = false;
  await open().run();
  await publisher.run();
  expect([...new Set(it.told)]).toEqual(['a 1', 'b 1', 'b 2']);
});

test('a change that comes while the one before is told is told, too', async () => {
  const { it, write, open } = lab();
  write('a', 'One');
  const publisher = open();
  it.during = () => {
    it.during = () => undefined;
    write('a', 'Two');
    publisher.changed('a');
  };
  await publisher.run();
  expect(publisher.nextDueMs()).toBeDefined();
  await publisher.run();
  expect(it.told).toEqual(['a 1', 'a 2']);
});

test('whether there is something to tell is known without reading the files of all tenants each time', async () => {
  const { it, write, open } = lab();
  for (let i = 0; i < 40; i++) write(`t${i}`, 'One');
  const publisher = open();
  await publisher.run();
  const { reads } = it;
  for (let i = 0; i < 100; i++) publisher.nextDueMs();
  await publisher.run();
  expect(it.reads).toBe(reads);
});

test('the rules in force are read from their file once a version', () => {
  const { write, open } = lab();
  write('a', 'One');
  const publisher = open();
  const first = publisher.setOf('a');
  expect(publisher.setOf('a')).toBe(first);
  write('a', 'Two');
  expect(publisher.setOf('a').rules.at(-1)?.alert).toBe('Two');
});
