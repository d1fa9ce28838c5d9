/** Silences, maintenance, channels and routes over HTTP: one table of kinds, the same five rows for each. */
import type { z } from 'zod';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import type { BookKind, Entry } from '../ports/alert-book.ts';
import { channelAnswer, maintenanceAnswer, routeAnswer, silenceAnswer } from './alert-answers.ts';
import { channelOf, maintenanceOf, routeOf, silenceOf } from './alert-bodies.ts';
import { documentOperations } from './alert-operations.ts';
import { ALERT_ID, channelBody, maintenanceBody, routeBody, silenceBody } from './alert-schemas.ts';
import { type Alerting, type Ask, changeAnswer } from './alerting.ts';
import { type BodyReading, checkBody, checkQuery } from './checking.ts';
import { etagOf, isKnown, versionAsked } from './etags.ts';
import { pathParameter } from './path-match.ts';
import type { KeyedCall, MakeRow, Route } from './route.ts';
import { nothingAsked } from './schemas.ts';

export interface DocumentOptions extends BodyReading {
  readonly alerts: Alerting;
  readonly ask: Ask;
  readonly row: MakeRow;
  /** As Math.random: ids are made of it. They are no secrets, and one that is taken is not taken again. */
  readonly random: () => number;
}

interface DocumentKind {
  readonly kind: BookKind;
  /** In the path and in the list's answer. */
  readonly name: 'silences' | 'maintenance' | 'channels' | 'routes';
  /** What the book is handed. @throws invalid_body and what reading throws */
  read(call: KeyedCall, reading: BodyReading): Promise<unknown>;
  answer(entry: Entry): object;
}

function documentKind<S extends z.ZodType>(
  kind: BookKind,
  name: DocumentKind['name'],
  schema: S,
  toBook: (body: z.output<S>, nowMs: number) => unknown,
  answer: (entry: Entry) => object,
): DocumentKind {
  return {
    kind,
    name,
    read: async ({ request, nowMs }, reading) => toBook(await checkBody(request, schema, reading), nowMs),
    answer,
  };
}

const KINDS: readonly DocumentKind[] = [
  documentKind('silence', 'silences', silenceBody, silenceOf, silenceAnswer),
  documentKind('maintenance', 'maintenance', maintenanceBody, maintenanceOf, maintenanceAnswer),
  documentKind('channel', 'channels', channelBody, channelOf, channelAnswer),
  documentKind('route', 'routes', routeBody, routeOf, routeAnswer),
];

/** How many ids are tried for a new document: one in 36^12 is taken. */
const ID_TRIES = 3;
const ID_CHARACTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

export function documentRows(options: DocumentOptions): readonly Route[] {
  return KINDS.flatMap((one) => rowsOf(one, options));
}

function rowsOf(one: DocumentKind, options: DocumentOptions): readonly Route[] {
  const { alerts, ask, row, random } = options;
  const { book } = alerts;
  const list = `/api/v1/${one.name}`;
  const path = `${list}/{id}`;
  const operations = documentOperations(one.name);
  const reading = { ...options, bytesMax: ALERT_LIMITS.alertBodyBytesMax };
  const idOf = ({ request }: KeyedCall): string => knownId(pathParameter(path, request.url));
  const find = async (tenant: string, id: string): Promise<Entry | undefined> =>
    (await ask(book.list(tenant, one.kind))).find((entry) => entry.id === id);
  const shown = (entry: Entry | undefined, status: number, headers: Readonly<Record<string, string>> = {}): Response => {
    if (entry === undefined) throw new MetricStreamError('internal', 'The book kept nothing.');
    return Response.json(one.answer(entry), { status, headers: { etag: etagOf(entry.version), ...headers } });
  };
  const changeOf = async (call: KeyedCall, id: string) => {
    const { tenant, keyId: actor } = call.principal;
    const ifVersion = await versionAsked(call.request.headers, async () => (await find(tenant, id))?.version);
    return { tenant, kind: one.kind, id, actor, ifVersion };
  };

  return [
    row(
      'GET',
      list,
      'read',
      async ({ request, principal }) => {
        checkQuery(request.url, nothingAsked);
        const entries = await ask(book.list(principal.tenant, one.kind));
        return Response.json({ [one.name]: entries.map(one.answer) });
      },
      operations.list,
    ),
    row(
      'POST',
      list,
      'admin',
      async (call) => {
        const body = await one.read(call, reading);
        const { tenant, keyId: actor } = call.principal;
        for (let tries = 0; tries < ID_TRIES; tries++) {
          const id = freshId(random);
          const outcome = await ask(book.put({ tenant, kind: one.kind, id, actor, ifVersion: 0 }, body));
          if (outcome.kind === 'stale') continue;
          return changeAnswer(outcome, call, (entry) => shown(entry, 201, { location: `${list}/${id}` }));
        }
        throw new MetricStreamError('unavailable', 'No free id was found.');
      },
      operations.create,
    ),
    row(
      'GET',
      path,
      'read',
      async (call) => {
        checkQuery(call.request.url, nothingAsked);
        const entry = await find(call.principal.tenant, idOf(call));
        if (entry === undefined) throw new MetricStreamError('not_found');
        if (!isKnown(call.request.headers, entry.version)) return shown(entry, 200);
        return new Response(null, { status: 304, headers: { etag: etagOf(entry.version) } });
      },
      operations.read,
    ),
    row(
      'PUT',
      path,
      'admin',
      async (call) => {
        const id = idOf(call);
        const body = await one.read(call, reading);
        const outcome = await ask(book.put(await changeOf(call, id), body));
        return changeAnswer(outcome, call, (entry) => shown(entry, entry?.version === 1 ? 201 : 200));
      },
      operations.put,
    ),
    row(
      'DELETE',
      path,
      'admin',
      async (call) => {
        const outcome = await ask(book.remove(await changeOf(call, idOf(call))));
        return changeAnswer(outcome, call, () => new Response(null, { status: 204 }));
      },
      operations.remove,
    ),
  ];
}

/** @throws not_found for what no document can be called. */
export function knownId(id: string): string {
  if (ALERT_ID.test(id)) return id;
  throw new MetricStreamError('not_found');
}

function freshId(random: () => number): string {
  return Array.from({ length: 12 }, () => ID_CHARACTERS[Math.floor(random() * ID_CHARACTERS.length)]).join('');
}
