/** All faults, in the order of their rows. */
import { BROKER_FAULTS } from './brokers.ts';
import { CONSUMER_FAULTS } from './consumers.ts';
import { GATEWAY_FAULTS } from './gateways.ts';
import { LIMIT_FAULTS } from './limits.ts';
import type { Fault } from './run.ts';
import { STORE_FAULTS } from './stores.ts';

export const FAULTS: readonly Fault[] = [
  ...BROKER_FAULTS,
  ...STORE_FAULTS,
  ...CONSUMER_FAULTS,
  ...GATEWAY_FAULTS,
  ...LIMIT_FAULTS,
];
