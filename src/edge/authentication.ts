/** Who is asking: a key in a header or a session in a cookie, verified once and remembered. */
import type { Principal } from '../model/access.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { KeyRegistry } from '../ports/key-registry.ts';
import { sessionTokenOf } from './cookies.ts';
import { type Secrets, type TokenType, tokenVerifier } from './keys.ts';

export interface Grant {
  readonly principal: Principal;
  readonly via: TokenType;
}

export interface Authentication {
  /**
   * @param sessions whether a cookie counts as well as a key.
   * @returns without waiting for an Authorization header seen before, while what is known of revocations is fresh.
   * Rejects with unauthorized, in the same words and after the same work for unknown, malformed, expired and revoked keys | headers_too_large |
   *   rate_limited once an address has failed authFailuresPerMinute times. A valid key is never refused for its address:
   *   one bad agent would shut out all that share a gateway with it.
   */
  authenticate(request: Request, nowMs: number, sessions: boolean): Grant | Promise<Grant>;
  /** Whether a grant still holds: for connections that outlive their request. */
  holds(grant: Grant, nowMs: number): boolean;
}

export interface AuthenticationOptions {
  readonly secrets: Secrets;
  readonly keys: KeyRegistry;
  /** The address a request came from, where the host knows it. */
  readonly remoteAddress?: ((request: Request) => string | undefined) | undefined;
}

interface Credential {
  readonly type: TokenType;
  readonly token: string;
  /** Under which its grant is remembered: the header's exact text. */
  readonly text: string;
}

export function authentication(options: AuthenticationOptions): Authentication {
  const verify = tokenVerifier(options.secrets);
  const grants = new Map<string, Grant>();
  const failures = failureCounter();

  const holds = ({ principal }: Grant, nowMs: number): boolean =>
    (principal.expiresMs === undefined || nowMs < principal.expiresMs) &&
    !options.keys.isRevoked(principal.keyId) &&
    (principal.sessionId === undefined || !options.keys.isRevoked(principal.sessionId));

  const remember = (text: string, grant: Grant): Grant => {
    if (grants.size >= LIMITS.keyCacheMax) grants.delete(grants.keys().next().value ?? '');
    grants.set(text, grant);
    return grant;
  };

  /** @param refreshing a refresh that is under way for this request; left out: there is none yet. */
  const prove = async (request: Request, nowMs: number, sessions: boolean, refreshing?: Promise<void>): Promise<Grant> => {
    const credential = credentialOf(request.headers, sessions);
    if (credential === undefined) throw new MetricStreamError('unauthorized');
    const { type, token, text } = credential;
    await (refreshing ?? options.keys.refresh?.(nowMs));
    const known = grants.get(text);
    if (known !== undefined && holds(known, nowMs)) return known;
    grants.delete(text);
    const principal = await verify(type, token, nowMs);
    const grant = principal === undefined ? undefined : { principal, via: type };
    if (grant !== undefined && holds(grant, nowMs)) return remember(text, grant);
    const retryAfterMs = failures.add(options.remoteAddress?.(request), nowMs);
    throw retryAfterMs === undefined
      ? new MetricStreamError('unauthorized')
      : new MetricStreamError('rate_limited', 'Too many requests without a valid key.', { retryAfterMs });
  };

  return {
    holds,
    authenticate(request, nowMs, sessions) {
      const authorization = request.headers.get('authorization');
      const known = authorization === null ? undefined : grants.get(authorization);
      if (known === undefined) return prove(request, nowMs, sessions);
      const refreshing = options.keys.refresh?.(nowMs);
      return refreshing === undefined && holds(known, nowMs) ? known : prove(request, nowMs, sessions, refreshing);
    },
  };
}

const AUTHORIZATION = /^(bearer|token|basic) +([\x21-\x7e]+) *$/i;

/** Never from the URL: it would end up in logs and histories. */
function credentialOf(headers: Headers, sessions: boolean): Credential | undefined {
  const authorization = headers.get('authorization');
  if (authorization !== null) {
    checkLength(authorization);
    const [, scheme, rest] = AUTHORIZATION.exec(authorization) ?? [];
    if (scheme === undefined || rest === undefined) return undefined;
    const token = scheme.toLowerCase() === 'basic' ? passwordOf(rest) : rest;
    return token === undefined ? undefined : { type: 'key', token, text: authorization };
  }
  const key = headers.get('x-api-key');
  if (key !== null) {
    checkLength(key);
    return { type: 'key', token: key, text: `x-api-key ${key}` };
  }
  const session = sessions ? sessionTokenOf(headers) : undefined;
  return session === undefined ? undefined : { type: 'session', token: session, text: `cookie ${session}` };
}

function checkLength(text: string): void {
  if (text.length > LIMITS.headerKeyBytesMax) throw new MetricStreamError('headers_too_large', 'The key is too long.');
}

/** The password of Basic credentials is the key; the user name can be anything. */
function passwordOf(base64: string): string | undefined {
  try {
    const text = atob(base64);
    const colon = text.indexOf(':');
    return colon < 0 ? undefined : text.slice(colon + 1);
  } catch {
    return undefined;
  }
}

/** Failures per address within the current minute. */
function failureCounter(): { add(address: string | undefined, nowMs: number): number | undefined } {
  const counts = new Map<string, number>();
  let minute = 0;
  return {
    /** @returns how long to wait, ms, once there were too many. */
    add(address, nowMs) {
      if (address === undefined) return undefined;
      const now = Math.floor(nowMs / 60_000);
      if (now !== minute) counts.clear();
      minute = now;
      const count = (counts.get(address) ?? 0) + 1;
      if (count > 1 || counts.size < LIMITS.authAddressesMax) counts.set(address, count);
      return count > LIMITS.authFailuresPerMinute ? (now + 1) * 60_000 - nowMs : undefined;
    },
  };
}
