/** The words of the table of routes. */
import type { DescribeRouteOptions } from 'hono-openapi';
import type { z } from 'zod';
import type { Principal } from '../model/access.ts';
import type { MetricStreamError } from '../model/errors.ts';
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

/** How an error is answered: as a problem, unless a protocol has a shape of its own. */
export type Refuse = (error: MetricStreamError, correlationId: string) => Response;

/** Makes a row: what is asked of the key stands beside what is done. */
export type MakeRow = (
  method: Route['method'],
  path: string,
  permission: Permission,
  handle: Handler<KeyedCall>,
  operation: Route['operation'],
  refuse?: Refuse,
) => Route;

export interface Operation extends DescribeRouteOptions {
  readonly summary: string;
  /** Schema of the query, for the document's parameters. */
  readonly query?: z.ZodType<object>;
}

/** One row. `respond` never throws: it checks the key, and makes a problem of every error. */
export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** May hold a `{parameter}`. */
  readonly path: string;
  readonly access: 'public' | Permission;
  readonly respond: (request: Request) => Promise<Response>;
  /** undefined: not in the OpenAPI document (files of the page). */
  readonly operation: Operation | undefined;
}
