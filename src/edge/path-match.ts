/** Paths with parameters, written as OpenAPI writes them: `/api/v1/silences/{id}`. */
import { CLIENT_PATTERN } from '../model/access.ts';
import { MetricStreamError } from '../model/errors.ts';

const PARAMETER = /\{(\w+)\}/g;

/** As Hono writes it. */
export function honoPath(pattern: string): string {
  return pattern.replace(PARAMETER, ':$1');
}

/**
 * The text that stands at the first parameter of a pattern that the path matches, decoded.
 * @throws not_found where it is no text: nothing has such a name.
 */
export function pathParameter(pattern: string, url: string): string {
  const place = pattern.split('/').findIndex((segment) => segment.startsWith('{'));
  try {
    return decodeURIComponent(new URL(url).pathname.split('/')[place] ?? '');
  } catch {
    throw new MetricStreamError('not_found');
  }
}

/** The same of a client. @throws invalid_client for what no client is called */
export function clientParameter(pattern: string, url: string): string {
  let client = '';
  try {
    client = pathParameter(pattern, url);
  } catch {
    // What is no text is no client either.
  }
  if (!CLIENT_PATTERN.test(client)) throw new MetricStreamError('invalid_client');
  return client;
}

/** Finds the rows that stand at a path: an exact path comes first. */
export function rowsByPath<R extends { readonly path: string }>(
  rows: readonly R[],
): (pathname: string) => readonly R[] | undefined {
  const byPath = Map.groupBy(rows, ({ path }) => path);
  const patterns = [...byPath].flatMap(([path, found]) => (path.includes('{') ? [{ matches: expressionOf(path), found }] : []));
  return (pathname) => byPath.get(pathname) ?? patterns.find(({ matches }) => matches.test(pathname))?.found;
}

function expressionOf(pattern: string): RegExp {
  const segments = pattern.split('/').map((one) => (one.startsWith('{') ? '[^/]+' : one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${segments.join('/')}$`);
}
