/** The control role as a whole: what is wired together so that neither part could do it alone. */
import { expect, test } from 'vitest';
import { memoryDocumentStore } from '../../src/adapters/memory/document-store.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { AlertControl } from '../../src/alerts/alert-control.ts';
import { secretBox } from '../../src/alerts/secret-box.ts';
import { targetGuard } from '../../src/alerts/target-guard.ts';
import type { MetricReader } from '../../src/ports/metric-reader.ts';
import { manualClock } from '../agent/manual-clock.ts';

const nobody = (): never => {
  throw new Error('not asked here');
};

test('who retired a host stands in the audit log of the own tenant', async () => {
  const clock = manualClock();
  const published: string[] = [];
  const { ports } = new AlertControl({
    store: memoryDocumentStore(),
    clock,
    telemetry: memoryTelemetry({ nowMs: clock.nowMs }),
    random: () => 0,
    reader: { clients: async () => [], windows: nobody, samples: nobody } as unknown as MetricReader,
    notify: {
      outbound: { post: nobody },
      mailer: { needsServer: false, send: nobody },
      policy: targetGuard({ allowTargets: [] }),
    },
    box: secretBox({ secret: 'a secret of the server that is long enough for tests' }),
    publish: async (control) => void published.push(`${control.kind} ${control.tenant}`),
    link: () => undefined,
    scratch: memoryDocumentStore,
  });
  for (const client of ['web-1', 'web-2']) await ports.fleet.retire('acme', client, 'acme.ann');
  expect(published).toEqual(['retired acme', 'retired acme']);
  const audit = await ports.book.audit('acme', 0, 10);
  expect(audit.map(({ actor, action, kind, id }) => `${actor} ${action} ${kind} ${id}`)).toEqual([
    'acme.ann retire client web-2',
    'acme.ann retire client web-1',
  ]);
  expect(await ports.book.audit('other', 0, 10)).toEqual([]);
});
