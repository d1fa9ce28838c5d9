/** One HTTP POST to an address that a tenant has chosen, which therefore may be meant to reach what it must not. */

/** Where a URL leads, taken apart, before its name is resolved. */
export interface Target {
  readonly url: string;
  /** As the URL parser has normalised it, without brackets and without a trailing dot. */
  readonly host: string;
  readonly port: number;
  /** By TLS from the first byte. */
  readonly secure: boolean;
  /** Named by the operator: what holds for strangers does not hold for it. */
  readonly allowed: boolean;
}

export interface Denial {
  readonly denied: string;
}

/** What may be reached: pure, handed to whoever opens connections. */
export interface TargetPolicy {
  /** Of a URL. */
  target(url: string): Target | Denial;
  /** Of a mail server. `secure`: TLS from the first byte. */
  mailServer(host: string, port: number, secure: boolean): Target | Denial;
  /** @param addresses all that the host resolves to. @returns those to connect to, or why none: one denied address denies them all. */
  addresses(target: Target, addresses: readonly string[]): { readonly addresses: readonly string[] } | Denial;
}

export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For all of it: resolving, connecting, sending, and the answer to its last byte. */
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  readonly policy: TargetPolicy;
}

export type PostOutcome =
  /** Redirects are answers like others: they are never followed. */
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | undefined; readonly body: string }
  /** The policy forbids it; nothing was sent. */
  | { readonly kind: 'denied'; readonly reason: string }
  /** No whole answer came: the receiver may have got it or not. */
  | { readonly kind: 'failed'; readonly reason: string };

export interface Outbound {
  /** Never throws. Resolves within timeoutMs. Reasons hold neither the URL's path and query nor headers. */
  post(post: Post): Promise<PostOutcome>;
}
