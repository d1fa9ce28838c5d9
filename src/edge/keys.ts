/** Keys and sessions: signed tokens (JWT, HS256) that anyone who holds the secret can make and verify without a database. */
import { type CryptoKey, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { CLIENT_PATTERN, type Principal, ROLES, type Role, TENANT_PATTERN } from '../model/access.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { isPlaceName } from '../model/place-name.ts';
import { tagsOf } from '../model/tags.ts';

/*
 * header  = { "alg":"HS256", "typ", "kid" }      kid: first 8 hex digits of SHA-256(secret), so that rotation finds the secret
 * payload = { "tenant", "role", "jti", "iat", "exp"?, "sid"?, "client"?, "rps"?, "dc"?, "env"?, "tags"? }
 * jti     = TENANT "." 128 random bits            the id names its tenant: an admin can revoke only its own tenant's
 * A session is the same with another typ; its jti is that of the key it was got with, so that it ends with it; its own id, made as
 * a jti is, is its sid, so that signing out ends it alone.
 */
const TYPES = { key: 'metricstream-key+jwt', session: 'metricstream-session+jwt' } as const;
export type TokenType = keyof typeof TYPES;

export interface Secrets {
  readonly current: string;
  /** Still verifies what it signed: for rotation. */
  readonly previous?: string | undefined;
}

export type KeyClaims = Pick<Principal, 'tenant' | 'role'> & Partial<Omit<Principal, 'keyId'>>;

const KEY_ID = /^([a-z0-9][a-z0-9-]{0,62})\.[A-Za-z0-9_-]{22}$/;

/** @returns the tenant that a key id names; undefined when it is no key id. */
export function tenantOfKeyId(keyId: string): string | undefined {
  return KEY_ID.exec(keyId)?.[1];
}

/** @throws invalid_request when the secret is shorter than secretBytesMin. */
function checkSecrets(secrets: Secrets): void {
  for (const secret of [secrets.current, secrets.previous]) {
    if (secret === undefined || new TextEncoder().encode(secret).length >= LIMITS.secretBytesMin) continue;
    throw new MetricStreamError('invalid_request', `A secret must have at least ${LIMITS.secretBytesMin} bytes.`);
  }
}

/** Makes a key. @returns its token, to be shown once, and its id, which revokes it. */
export async function createKey(secret: string, claims: KeyClaims, nowMs: number): Promise<{ key: string; keyId: string }> {
  checkSecrets({ current: secret });
  const keyId = freshId(claims.tenant);
  return { key: await signToken('key', secret, { ...claims, keyId }, nowMs), keyId };
}

/** An id that only its tenant can revoke. */
export function freshId(tenant: string): string {
  return `${tenant}.${base64url(crypto.getRandomValues(new Uint8Array(16)))}`;
}

/** @param principal what the token will say; where expiresMs is left out it never expires. */
export async function signToken(
  type: TokenType,
  secret: string,
  principal: KeyClaims & Pick<Principal, 'keyId'>,
  nowMs: number,
): Promise<string> {
  const { key, kid } = await importSecret(secret);
  const payload: JWTPayload = {
    tenant: principal.tenant,
    role: principal.role,
    jti: principal.keyId,
    iat: Math.floor(nowMs / 1000),
    ...(principal.expiresMs === undefined ? {} : { exp: Math.floor(principal.expiresMs / 1000) }),
    ...(principal.sessionId === undefined ? {} : { sid: principal.sessionId }),
    ...(principal.client === undefined ? {} : { client: principal.client }),
    ...(principal.requestsPerSecond === undefined ? {} : { rps: principal.requestsPerSecond }),
    ...(principal.datacenter === undefined ? {} : { dc: principal.datacenter }),
    ...(principal.environment === undefined ? {} : { env: principal.environment }),
    ...(principal.tags === undefined || principal.tags.length === 0 ? {} : { tags: Object.fromEntries(principal.tags) }),
  };
  if (readPrincipal(payload) === undefined) throw new MetricStreamError('invalid_request', 'A key cannot say that.');
  return new SignJWT(payload).setProtectedHeader({ alg: 'HS256', typ: TYPES[type], kid }).sign(key);
}

/** @returns undefined for whatever was not signed by us, is of another type, or has expired. Revocation is not asked for. */
export type VerifyToken = (type: TokenType, token: string, nowMs: number) => Promise<Principal | undefined>;

export function tokenVerifier(secrets: Secrets): VerifyToken {
  checkSecrets(secrets);
  const texts = secrets.previous === undefined ? [secrets.current] : [secrets.current, secrets.previous];
  // Not a promise that requests share: on Workers one that another request began may never settle once that request is over.
  let imported: Awaited<ReturnType<typeof importSecret>>[] | undefined;
  return async (type, token, nowMs) => {
    const known = imported ?? (await Promise.all(texts.map(importSecret)));
    imported = known;
    try {
      const { payload } = await jwtVerify(
        token,
        ({ kid }) => {
          const found = known.find((one) => one.kid === kid);
          if (found === undefined) throw new MetricStreamError('unauthorized');
          return found.key;
        },
        { algorithms: ['HS256'], typ: TYPES[type], currentDate: new Date(nowMs) },
      );
      return readPrincipal(payload);
    } catch {
      return undefined;
    }
  };
}

/** What a payload grants; undefined when a claim is not what it should be. */
function readPrincipal(payload: JWTPayload): Principal | undefined {
  const { tenant, role, client, rps, dc, env, tags, jti, sid, exp } = payload;
  const sound =
    typeof tenant === 'string' &&
    TENANT_PATTERN.test(tenant) &&
    ROLES.includes(role as Role) &&
    typeof jti === 'string' &&
    tenantOfKeyId(jti) === tenant &&
    (sid === undefined || (typeof sid === 'string' && tenantOfKeyId(sid) === tenant)) &&
    (client === undefined || (typeof client === 'string' && CLIENT_PATTERN.test(client))) &&
    (rps === undefined || (typeof rps === 'number' && rps > 0)) &&
    (dc === undefined || isPlaceName(dc)) &&
    (env === undefined || isPlaceName(env)) &&
    (tags === undefined || tagsOf(tags) !== undefined);
  if (!sound) return undefined;
  return {
    tenant,
    role: role as Role,
    keyId: jti,
    sessionId: sid as string | undefined,
    client: client as string | undefined,
    requestsPerSecond: rps as number | undefined,
    datacenter: dc as string | undefined,
    environment: env as string | undefined,
    tags: tagsOf(tags),
    expiresMs: exp === undefined ? undefined : exp * 1000,
  };
}

async function importSecret(secret: string): Promise<{ key: CryptoKey; kid: string }> {
  const bytes = new TextEncoder().encode(secret);
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return { key, kid: Array.from(digest.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join('') };
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

const DURATION = /^([1-9]\d{0,5})([smhd])$/;
const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90d`, `12h`, `30m`, `45s` in ms; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  return match === null ? undefined : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}
