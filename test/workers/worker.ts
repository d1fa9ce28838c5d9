/** What the tests in workerd run in: the product's Worker and objects, and an object that lends its storage. */
export { AlertObject, ControlObject, default, ShardObject } from '../../src/runtimes/cloudflare.ts';
export { LenderObject } from './lender-object.ts';
