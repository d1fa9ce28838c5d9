/** The contract of the time-series-store port, as far as it says whom the store knows. */
import { expect, test } from 'vitest';
import { batch, CPU, DAY, HOUR, hourWrite, minuteWrite, rawWrite, type WritableStore, windowColumn } from './stored.ts';

export function describeClients(create: () => WritableStore): void {
  test('the clients of a tenant are those of which samples or windows are kept, each once, in order', async () => {
    const target = create();
    expect(await target.store.clients('acme', '', 10)).toEqual([]);
    const minute = (client: string, tenant?: string) => minuteWrite(client, HOUR, [windowColumn(CPU, [HOUR], 1)], tenant);
    await target.write(
      batch(
        rawWrite('b', 1, [[HOUR, 1, 1]]),
        rawWrite('b', 2, [[HOUR + 10, 1, 1]]),
        rawWrite('a', 1, [[HOUR, 1, 1]]),
        minute('b'),
        minute('zz:0'),
        minute('c'),
        hourWrite('c', DAY, [windowColumn(CPU, [DAY], 1)]),
        rawWrite('z', 1, [[HOUR, 1, 1]]),
        hourWrite('B', DAY, [windowColumn(CPU, [DAY], 1)]),
        // Tenants whose names begin alike, or stand beside it.
        rawWrite('other', 1, [[HOUR, 1, 1]], 'acme-2'),
        minute('other', 'acm'),
        minute('other', 'acme0'),
      ),
    );
    expect(await target.store.clients('acme', '', 10)).toEqual(['B', 'a', 'b', 'c', 'z', 'zz:0']);
    expect(await target.store.clients('acme-2', '', 10)).toEqual(['other']);
    expect(await target.store.clients('nobody', '', 10)).toEqual([]);
  });

  test('they can be asked for in parts: those after one, at most so many', async () => {
    const target = create();
    for (let i = 0; i < 7; i++) {
      const client = `web-${i}`;
      await target.write(
        batch(i % 2 === 0 ? rawWrite(client, 1, [[HOUR, 1, 1]]) : minuteWrite(client, HOUR, [windowColumn(CPU, [HOUR], 1)])),
      );
    }
    const { store } = target;
    expect(await store.clients('acme', '', 3)).toEqual(['web-0', 'web-1', 'web-2']);
    expect(await store.clients('acme', 'web-2', 3)).toEqual(['web-3', 'web-4', 'web-5']);
    expect(await store.clients('acme', 'web-55', 3)).toEqual(['web-6']);
    expect(await store.clients('acme', 'web-6', 3)).toEqual([]);
  });
}
