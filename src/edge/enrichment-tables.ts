/** The table of enrichments over HTTP: as a whole, and client by client, each with an ETag. */
import type { z } from 'zod';
import type { Enrichment } from '../model/enrichment.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { tagsOf } from '../model/tags.ts';
import type { EnrichmentRegistry } from '../ports/enrichment-registry.ts';
import { decodeEnrichments, encodeEnrichment, encodeEnrichments, NO_ENRICHMENTS } from '../protocols/enrichment-table.ts';
import { type BodyReading, checkBody } from './checking.ts';
import { clientParameter } from './path-match.ts';
import type { KeyedCall } from './route.ts';
import { enrichmentRow, enrichmentTable } from './schemas.ts';

export interface EnrichmentTablesOptions extends BodyReading {
  readonly enrichments: EnrichmentRegistry;
}

/** Changes throw stale where If-Match names what is not there any more. */
export interface EnrichmentTables {
  read(call: KeyedCall): Promise<Response>;
  replace(call: KeyedCall): Promise<Response>;
  remove(call: KeyedCall): Promise<Response>;
  /** @throws not_found */
  readClient(call: KeyedCall): Promise<Response>;
  replaceClient(call: KeyedCall): Promise<Response>;
  /** @throws not_found */
  removeClient(call: KeyedCall): Promise<Response>;
}

/** From the table's text to the next one, and to the text that the ETag of the answer is of; undefined: nothing is left. */
interface Change {
  readonly text: string;
  readonly shown: string | undefined;
}

/** What If-Match is compared with, and what becomes of it. */
interface Changing {
  /** undefined: there is nothing. */
  current(text: string): string | undefined;
  change(text: string): Change;
}

export function enrichmentTables(options: EnrichmentTablesOptions): EnrichmentTables {
  const { enrichments } = options;

  /** Whoever asked for no version has the change made again where another came first. */
  const change = async ({ request, principal }: KeyedCall, { current, change: apply }: Changing): Promise<Response> => {
    for (let tries = 0; tries < LIMITS.enrichmentTriesMax; tries++) {
      const table = await enrichments.read(principal.tenant);
      await checkMatch(request, current(table.text));
      const { text, shown } = apply(table.text);
      checkSize(text);
      // What changes nothing is not written: nobody has to hear of it.
      const isDone = text === table.text || (await enrichments.replace({ ...table, text })) !== undefined;
      if (isDone) return new Response(null, { status: 204, headers: shown === undefined ? {} : { etag: await etagOf(shown) } });
    }
    throw new MetricStreamError('unavailable', 'Others change the table all the time; try again.', {
      retryAfterMs: LIMITS.retryMs,
    });
  };

  return {
    async read({ principal }) {
      const { text } = await enrichments.read(principal.tenant);
      return answer(`{"clients":${text}}`, text);
    },
    async replace(call) {
      const { clients } = await checkBody(call.request, enrichmentTable, options);
      const rows = new Map(Object.entries(clients).map(([client, row]) => [client, enrichmentOf(row)]));
      const text = encodeEnrichments(rows);
      return change(call, { current: (table) => table, change: () => ({ text, shown: text }) });
    },
    remove: (call) => change(call, { current: (table) => table, change: () => ({ text: NO_ENRICHMENTS, shown: undefined }) }),
    async readClient({ request, principal }) {
      const row = rowOf((await enrichments.read(principal.tenant)).text, clientOf(request));
      if (row === undefined) throw noRow();
      return answer(row, row);
    },
    async replaceClient(call) {
      const client = clientOf(call.request);
      const row = enrichmentOf(await checkBody(call.request, enrichmentRow, options));
      return change(call, {
        current: (table) => rowOf(table, client),
        change: (table) => ({ text: changed(table, (rows) => rows.set(client, row)), shown: encodeEnrichment(row) }),
      });
    },
    async removeClient(call) {
      const client = clientOf(call.request);
      return change(call, {
        current: (table) => rowOf(table, client),
        change: (table) => {
          if (rowOf(table, client) === undefined) throw noRow();
          return { text: changed(table, (rows) => rows.delete(client)), shown: undefined };
        },
      });
    },
  };
}

function enrichmentOf({ datacenter, environment, tags }: z.output<typeof enrichmentRow>): Enrichment {
  const set = tagsOf(tags);
  return { datacenter, environment, tags: set?.length === 0 ? undefined : set };
}

function changed(table: string, work: (rows: Map<string, Enrichment>) => unknown): string {
  const rows = decodeEnrichments(table);
  work(rows);
  if (rows.size > LIMITS.enrichmentRowsMax)
    throw new MetricStreamError('body_too_large', `A table has at most ${LIMITS.enrichmentRowsMax} clients.`);
  return encodeEnrichments(rows);
}

function rowOf(table: string, client: string): string | undefined {
  const row = decodeEnrichments(table).get(client);
  return row === undefined ? undefined : encodeEnrichment(row);
}

/** Where one client's row is. */
export const ENRICHMENT_PATH = '/api/v1/enrichment/{client}';

/** A table cannot name `__proto__`: JSON libraries lose it. */
function clientOf(request: Request): string {
  const client = clientParameter(ENRICHMENT_PATH, request.url);
  if (client === '__proto__') throw new MetricStreamError('invalid_client');
  return client;
}

function checkSize(text: string): void {
  if (new TextEncoder().encode(text).length > LIMITS.enrichmentTableBytesMax)
    throw new MetricStreamError('body_too_large', `A table has at most ${LIMITS.enrichmentTableBytesMax} bytes.`);
}

/** @param current what there is; undefined: nothing, which no ETag names. @throws stale */
async function checkMatch(request: Request, current: string | undefined): Promise<void> {
  const given = request.headers.get('if-match');
  if (given === null) return;
  const etag = current === undefined ? undefined : await etagOf(current);
  const matches = given.split(',').some((one) => one.trim() === etag || (one.trim() === '*' && etag !== undefined));
  if (!matches) throw new MetricStreamError('stale');
}

async function answer(body: string, text: string): Promise<Response> {
  return new Response(body, { headers: { 'content-type': 'application/json', etag: await etagOf(text) } });
}

/** Of the content, so that it is the same at every edge. */
async function etagOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return `"${Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')}"`;
}

function noRow(): MetricStreamError {
  return new MetricStreamError('not_found', 'Nothing is added to the pushes of this client.');
}
