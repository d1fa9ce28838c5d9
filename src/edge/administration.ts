/** Keys over HTTP, and the sessions that people exchange them for. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { tagsOf } from '../model/tags.ts';
import type { KeyRegistry } from '../ports/key-registry.ts';
import { type BodyReading, checkBody } from './checking.ts';
import { isSameOrigin, sessionCookie, sessionTokenOf } from './cookies.ts';
import { createKey, freshId, parseDuration, type Secrets, signToken, tenantOfKeyId, tokenVerifier } from './keys.ts';
import type { Call, KeyedCall } from './route.ts';
import { createKeyBody, revokeKeyBody } from './schemas.ts';

export interface AdministrationOptions extends BodyReading {
  readonly secrets: Secrets;
  readonly keys: KeyRegistry;
}

export interface Administration {
  /** Makes a key of the caller's tenant. */
  createKey(call: KeyedCall): Promise<Response>;
  /** @throws not_found for a key of another tenant, as for one that never was. */
  revokeKey(call: KeyedCall): Promise<Response>;
  signIn(call: KeyedCall): Promise<Response>;
  /** Ends the session of the cookie for whoever has a copy, and takes it from the browser. */
  signOut(call: Call): Promise<Response>;
}

export function administration(options: AdministrationOptions): Administration {
  const { secrets, keys } = options;
  const verify = tokenVerifier(secrets);
  return {
    async createKey({ request, principal, nowMs }) {
      const body = await checkBody(request, createKeyBody, options);
      const lifeMs = body.expires === undefined ? undefined : parseDuration(body.expires);
      const expiresMs = lifeMs === undefined ? undefined : nowMs + lifeMs;
      const claims = {
        tenant: principal.tenant,
        role: body.role,
        client: body.client,
        requestsPerSecond: body.requests_per_second,
        datacenter: body.datacenter,
        environment: body.environment,
        tags: tagsOf(body.tags),
        expiresMs,
      };
      const { key, keyId } = await createKey(secrets.current, claims, nowMs);
      const answer = { key, key_id: keyId, tenant: principal.tenant, role: body.role, expires: expiresMs ?? null };
      return Response.json(answer, { status: 201 });
    },
    async revokeKey({ request, principal, nowMs }) {
      const { key_id: keyId } = await checkBody(request, revokeKeyBody, options);
      if (tenantOfKeyId(keyId) !== principal.tenant) throw new MetricStreamError('not_found', 'There is no such key.');
      await keys.revoke(principal.tenant, keyId, nowMs);
      return Response.json({ key_id: keyId, revoked: true });
    },
    async signIn({ request, principal, grant, nowMs }) {
      if (grant.via === 'session') throw new MetricStreamError('forbidden', 'A session needs a key.');
      const expiresMs = Math.min(nowMs + LIMITS.sessionMs, principal.expiresMs ?? Number.POSITIVE_INFINITY);
      // Nothing is pushed with a session, and its cookie travels with every request.
      const session = { ...principal, tags: undefined, sessionId: freshId(principal.tenant), expiresMs };
      const token = await signToken('session', secrets.current, session, nowMs);
      return Response.json(
        { tenant: principal.tenant, role: principal.role, expires: expiresMs },
        { headers: { 'set-cookie': sessionCookie(request, token, expiresMs - nowMs) } },
      );
    },
    async signOut({ request, nowMs }) {
      if (request.headers.has('cookie') && !isSameOrigin(request)) throw new MetricStreamError('forbidden');
      const held = sessionTokenOf(request.headers);
      const session = held === undefined ? undefined : await verify('session', held, nowMs);
      // One of an earlier version has no id of its own: it ends with its key, or by itself.
      if (session?.sessionId !== undefined) await keys.revoke(session.tenant, session.sessionId, nowMs, session.expiresMs);
      return new Response(null, { status: 204, headers: { 'set-cookie': sessionCookie(request, '', 0) } });
    },
  };
}
