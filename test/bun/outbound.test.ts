/** Guarded POSTs and mail on Bun's own node:https and node:net; run by `bun test`. */
import { nodeOutbound } from '../../src/adapters/node/outbound.ts';
import { describeOutbound } from '../contract/suites/outbound.ts';
import { describePinnedAddress } from '../contract/suites/pinned-address.ts';
import { describeSmtp } from '../contract/suites/smtp.ts';

describeOutbound('node:http of Bun', () => nodeOutbound());
describePinnedAddress('Bun');
describeSmtp('Bun');
