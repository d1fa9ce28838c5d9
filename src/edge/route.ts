/** The words of the table of routes. */
import type { DescribeRouteOptions } from 'hono-openapi';
import type { z } from 'zod';
import type { Principal } from '../model/access.ts';
import type { Grant } from './authentication.ts';
import type { Permission } from './roles.ts';

/** One request, as a handler sees it. */
export interface Call {
  readonly request: Request;
  readonly nowMs: number;
  readonly correlationId: string;
}

/** One request with a valid key or session. */
export interface KeyedCall extends Call {
  readonly grant: Grant;
  readonly principal: Principal;
}

/** May throw MetricStreamError. */
export type Handler<C extends Call> = (call: C) => Response | Promise<Response>;

export interface Operation extends DescribeRouteOptions {
  readonly summary: string;
  /** Schema of the query, for the document's parameters. */
  readonly query?: z.ZodType<object>;
}

/** One row. `respond` never throws: it checks the key, and makes a problem of every error. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Its last part may be a parameter: `:client`. */
  readonly path: string;
  readonly access: 'public' | Permission;
  readonly respond: (request: Request) => Promise<Response>;
  /** undefined: not in the OpenAPI document (files of the page). */
  readonly operation: Operation | undefined;
}
