/** Silences, maintenance, channels and routes over HTTP: one table of kinds, the same five handlers for each. */
import type { z } from 'zod';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import type { BookKind } from '../model/incident.ts';
import type { AlertBook, Change, Entry } from '../ports/alert-book.ts';
import { channelAnswer, maintenanceAnswer, routeAnswer, silenceAnswer } from './alert-answers.ts';
import { channelOf, maintenanceOf, routeOf, silenceOf } from './alert-bodies.ts';
import { ALERT_ID, channelBody, maintenanceBody, routeBody, silenceBody } from './alert-schemas.ts';
import { type Ask, changeAnswer } from './alerting.ts';
import { type BodyReading, checkBody, checkQuery } from './checking.ts';
import { etagOf, isKnown, versionAsked } from './etags.ts';
import { pathParameter } from './path-match.ts';
import type { Handler, KeyedCall } from './route.ts';
import { nothingAsked } from './schemas.ts';

export interface DocumentOptions extends BodyReading {
  readonly book: AlertBook;
  readonly ask: Ask;
  /** As Math.random: ids are made of it. They are no secrets, and one that is taken is not taken again. */
  readonly random: () => number;
}

export interface DocumentKind {
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

export const DOCUMENT_KINDS: readonly DocumentKind[] = [
  documentKind('silence', 'silences', silenceBody, silenceOf, silenceAnswer),
  documentKind('maintenance', 'maintenance', maintenanceBody, maintenanceOf, maintenanceAnswer),
  documentKind('channel', 'channels', channelBody, channelOf, channelAnswer),
  documentKind('route', 'routes', routeBody, routeOf, routeAnswer),
];

/** How many ids are tried for a new document: one in 36^12 is taken. */
const ID_TRIES = 3;
const ID_CHARACTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

export interface DocumentHandlers {
  readonly list: Handler<KeyedCall>;
  readonly create: Handler<KeyedCall>;
  readonly read: Handler<KeyedCall>;
  readonly put: Handler<KeyedCall>;
  readonly remove: Handler<KeyedCall>;
}

export function documentPath({ name }: DocumentKind): string {
  return `/api/v1/${name}`;
}

export function documentHandlers(one: DocumentKind, options: DocumentOptions): DocumentHandlers {
  const { book, ask, random } = options;
  const path = documentPath(one);
  const reading = { ...options, bytesMax: ALERT_LIMITS.alertBodyBytesMax };
  const idOf = ({ request }: KeyedCall): string => knownId(pathParameter(`${path}/{id}`, request.url));
  const find = async (tenant: string, id: string): Promise<Entry | undefined> =>
    (await ask(book.list(tenant, one.kind))).find((entry) => entry.id === id);
  const shown = (entry: Entry | undefined, status: number, headers: Readonly<Record<string, string>> = {}): Response => {
    if (entry === undefined) throw new MetricStreamError('internal', 'The book kept nothing.');
    return Response.json(one.answer(entry), { status, headers: { etag: etagOf(entry.version), ...headers } });
  };
  const changeOf = async ({ request, principal }: KeyedCall, id: string): Promise<Change> => {
    const { tenant, keyId: actor } = principal;
    const ifVersion = await versionAsked(request.headers, async () => (await find(tenant, id))?.version);
    return { tenant, kind: one.kind, id, actor, ifVersion };
  };

  return {
    async list({ request, principal }) {
      checkQuery(request.url, nothingAsked);
      const entries = await ask(book.list(principal.tenant, one.kind));
      return Response.json({ [one.name]: entries.map(one.answer) });
    },
    async create(call) {
      const body = await one.read(call, reading);
      const { tenant, keyId: actor } = call.principal;
      for (let tries = 0; tries < ID_TRIES; tries++) {
        const id = freshId(random);
        const outcome = await ask(book.put({ tenant, kind: one.kind, id, actor, ifVersion: 0 }, body));
        if (outcome.kind === 'stale') continue;
        return changeAnswer(outcome, call, (entry) => shown(entry, 201, { location: `${path}/${id}` }));
      }
      throw new MetricStreamError('unavailable', 'No free id was found.');
    },
    async read(call) {
      checkQuery(call.request.url, nothingAsked);
      const entry = await find(call.principal.tenant, idOf(call));
      if (entry === undefined) throw new MetricStreamError('not_found');
      if (!isKnown(call.request.headers, entry.version)) return shown(entry, 200);
      return new Response(null, { status: 304, headers: { etag: etagOf(entry.version) } });
    },
    async put(call) {
      const id = idOf(call);
      const body = await one.read(call, reading);
      const outcome = await ask(book.put(await changeOf(call, id), body));
      return changeAnswer(outcome, call, (entry) => shown(entry, entry?.version === 1 ? 201 : 200));
    },
    async remove(call) {
      const outcome = await ask(book.remove(await changeOf(call, idOf(call))));
      return changeAnswer(outcome, call, () => new Response(null, { status: 204 }));
    },
  };
}

/** @throws not_found for what no document can be called. */
export function knownId(id: string): string {
  if (ALERT_ID.test(id)) return id;
  throw new MetricStreamError('not_found');
}

function freshId(random: () => number): string {
  return Array.from({ length: 12 }, () => ID_CHARACTERS[Math.floor(random() * ID_CHARACTERS.length)]).join('');
}
