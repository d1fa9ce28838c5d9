/** Names of datacenters and environments: short, and safe in a label. */
import { LIMITS } from './limits.ts';

const PLACE = /^[A-Za-z0-9][A-Za-z0-9._:/-]*$/;

export function isPlaceName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LIMITS.datacenterLengthMax && PLACE.test(value);
}
