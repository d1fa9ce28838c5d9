/** Pages of a backtest: grouped, silenced and held as live ones are. */
import { describe, expect, test } from 'vitest';
import { memoryDocumentStore } from '../../../src/adapters/memory/document-store.ts';
import { incidentPages } from '../../../src/alerts/backtest-pages.ts';
import type { AlertState, Transition } from '../../../src/model/alert.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/model/window.ts';
import type { DocumentStore } from '../../../src/ports/document-store.ts';
import { START_MS, TENANT } from './history.ts';

let made = 0;

function transition(client: string, to: AlertState, atMs: number, more: Partial<Transition> = {}): Transition {
  made += 1;
  return {
    id: `t${made}`,
    tenant: TENANT,
    client,
    datacenter: 'fra',
    environment: undefined,
    group: 'g',
    rule: 'Cpu',
    rulesVersion: 1,
    alert: `${more.rule ?? 'Cpu'}-${client}`,
    severity: 'high',
    labels: {},
    annotations: {},
    from: to === 'firing' ? 'inactive' : 'firing',
    to,
    amended: false,
    reason: undefined,
    onsetMs: atMs,
    atMs,
    windowMs: undefined,
    judgedMs: atMs,
    values: {},
    explanations: [],
    ...more,
  };
}

function count(transitions: readonly Transition[], documents: DocumentStore = memoryDocumentStore(), toMs = START_MS + DAY_MS) {
  const breathe = async (): Promise<void> => {};
  const counter = incidentPages({ tenant: TENANT, documents, scratch: memoryDocumentStore(), hosts: 100, breathe });
  return counter.count(transitions, toMs);
}

function withDocument(kind: string, body: object): DocumentStore {
  const documents = memoryDocumentStore();
  documents.commit([{ tenant: TENANT, kind, id: 'one', atMs: 0, parent: '', body: JSON.stringify(body) }]);
  return documents;
}

const fleet = (from: number, hosts: number, atMs: number): Transition[] =>
  Array.from({ length: hosts }, (_, i) => transition(`h${from + i}`, 'firing', atMs + i));

describe('pages of a backtest', () => {
  test('count an incident once, however many alerts join it before its first page and channels are told', async () => {
    const { total, byRule } = await count(fleet(0, 20, START_MS));
    expect(total).toBe(1);
    expect([...byRule]).toEqual([['g/Cpu', 1]]);
    const custom = await count([transition('a', 'firing', START_MS, { severity: 'odd' })]);
    expect(custom.total).toBe(1);
  });

  test('count each rule and each incident apart, and news of an open one', async () => {
    const { total, byRule } = await count([
      transition('a', 'firing', START_MS),
      transition('a', 'firing', START_MS + 1, { rule: 'Disk' }),
      transition('b', 'firing', START_MS + 10 * MINUTE_MS),
      transition('a', 'resolved', START_MS + 20 * MINUTE_MS),
      transition('b', 'resolved', START_MS + 20 * MINUTE_MS),
      transition('a', 'firing', START_MS + 5 * HOUR_MS),
    ]);
    expect(byRule.get('g/Disk')).toBe(1);
    // Opened, news of b, and an incident hours later.
    expect(byRule.get('g/Cpu')).toBe(3);
    expect(total).toBe(4);
  });

  test('do not count repeats, ends, nor what only was pending', async () => {
    const burning = await count([transition('a', 'firing', START_MS)], undefined, START_MS + 7 * DAY_MS);
    expect(burning.total).toBe(1);
    const ended = await count([transition('a', 'firing', START_MS), transition('a', 'resolved', START_MS + HOUR_MS)]);
    expect(ended.total).toBe(1);
    expect((await count([transition('a', 'pending', START_MS)])).total).toBe(0);
    expect(await count([])).toMatchObject({ total: 0, notes: [] });
  });

  test('leave out what a silence of that time holds, and count it when the silence ends before the alert', async () => {
    const silence = { match: { host: 'a' }, by: 'x', comment: 'c', startsMs: START_MS - HOUR_MS, endsMs: START_MS + HOUR_MS };
    const documents = withDocument('silence', silence);
    const short = [transition('a', 'firing', START_MS), transition('a', 'resolved', START_MS + 10 * MINUTE_MS)];
    expect((await count(short, documents)).total).toBe(0);
    expect((await count([transition('a', 'firing', START_MS)], documents)).total).toBe(1);
    expect((await count([transition('b', 'firing', START_MS)], documents)).total).toBe(1);
    expect((await count([transition('a', 'firing', START_MS + 2 * HOUR_MS)], documents)).total).toBe(1);
  });

  test('are none where the clock ends before the first is due', async () => {
    expect((await count([transition('a', 'firing', START_MS)], undefined, START_MS + 1)).total).toBe(0);
  });

  test('leave no trace in what the tenant has', async () => {
    const documents = withDocument('channel', { type: 'slack', settings: {}, enabled: true });
    await count(fleet(0, 3, START_MS), documents);
    const kinds = ['incident', 'open', 'alert', 'history', 'outbox', 'channel'].map(
      (kind) => documents.list({ tenant: undefined, kind, max: 10 }).length,
    );
    expect(kinds).toEqual([0, 0, 0, 0, 0, 1]);
  });

  test('of hosts that fall silent together are one', async () => {
    const silent = { rule: 'HostSilent', group: 'builtin', severity: 'critical' } as const;
    const hosts = Array.from({ length: 30 }, (_, i) => transition(`h${i}`, 'firing', START_MS + i * 1_000, silent));
    expect((await count(hosts)).total).toBe(1);
  });
});
