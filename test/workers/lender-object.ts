/** A Durable Object that lends its storage to tests; the Worker around it answers nothing. */
import { DurableObject } from 'cloudflare:workers';

export class LenderObject extends DurableObject {}
