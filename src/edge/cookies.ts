/** The session cookie, and the check that a request with it comes from our own page. */
import { LIMITS } from '../model/limits.ts';

/** Browsers accept the prefix only with Secure, without Domain, for Path=/: nobody else on the domain can set it. */
const SECURE_NAME = '__Host-metricstream';
const PLAIN_NAME = 'metricstream';

/** The token in the request's session cookie. */
export function sessionTokenOf(headers: Headers): string | undefined {
  const header = headers.get('cookie');
  if (header === null || header.length > LIMITS.headerKeyBytesMax) return undefined;
  const pairs = new Map(
    header.split(';').map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
  return pairs.get(SECURE_NAME) ?? pairs.get(PLAIN_NAME);
}

/** @param token '' signs out. @param maxAgeMs how long the browser keeps it. */
export function sessionCookie(request: Request, token: string, maxAgeMs: number): string {
  const secure = isSecure(request);
  const age = Math.floor(maxAgeMs / 1000);
  const base = `${secure ? SECURE_NAME : PLAIN_NAME}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}`;
  return secure ? `${base}; Secure` : base;
}

/** A proxy that ends TLS says so; a client that lies about it only gets a stricter cookie. */
function isSecure(request: Request): boolean {
  return request.url.startsWith('https:') || request.headers.get('x-forwarded-proto') === 'https';
}

/** Whether a browser sent this from our own page. Requests with a cookie that change anything must be. */
export function isSameOrigin(request: Request): boolean {
  const site = request.headers.get('sec-fetch-site');
  if (site !== null) return site === 'same-origin';
  const origin = request.headers.get('origin');
  // A proxy that ends TLS changes the scheme, so only hosts are compared.
  return origin !== null && origin.replace(/^https?:\/\//, '') === (request.headers.get('host') ?? new URL(request.url).host);
}
