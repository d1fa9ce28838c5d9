/** One mail on its way out: by SMTP on servers, by the platform on Workers. */
import type { TargetPolicy } from './outbound.ts';

/** All texts are free of control characters, addresses are bare: `name@example.com`. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** With its angle brackets; the same with each attempt. A platform may set its own. */
  readonly messageId: string;
  /** Message id that all mails of an incident refer to, so that they make one thread. */
  readonly thread: string;
  readonly urgent: boolean;
}

export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; otherwise STARTTLS, which only a server that the operator allows may lack. */
  readonly secure: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

export type MailOutcome =
  | { readonly kind: 'accepted'; readonly detail: string }
  /** The server said so, or could not be reached: a later attempt may succeed. */
  | { readonly kind: 'deferred'; readonly reason: string }
  | { readonly kind: 'rejected'; readonly reason: string };

export interface Mailer {
  /** Whether it needs a MailServer, or has a platform behind it. */
  readonly needsServer: boolean;
  /** Never throws. Resolves within timeoutMs. Reasons hold no password. */
  send(mail: Mail, server: MailServer | undefined, policy: TargetPolicy, timeoutMs: number): Promise<MailOutcome>;
}
