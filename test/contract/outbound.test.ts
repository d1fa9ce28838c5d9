/** The outbound contract on sockets and on fetch. */
import { fetchOutbound } from '../../src/adapters/durable-objects/outbound.ts';
import { nodeOutbound } from '../../src/adapters/node/outbound.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { describeOutbound } from './suites/outbound.ts';
import { describePinnedAddress } from './suites/pinned-address.ts';

describeOutbound('node:http', () => nodeOutbound());
describeOutbound('fetch', () => fetchOutbound({ fetch: (url, init) => fetch(url, init), clock: systemClock() }));
describePinnedAddress('Node');
