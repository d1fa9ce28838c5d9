/** Mail by the `send_email` binding of Cloudflare, which signs and retries it. */
import type { Clock } from '../../ports/clock.ts';
import type { Mailer, MailOutcome } from '../../ports/mailer.ts';

/** What is used of the binding. */
export interface SendEmailBinding {
  send(mail: {
    readonly from: string;
    readonly to: string[];
    readonly subject: string;
    readonly text: string;
    readonly html: string;
    readonly headers: Record<string, string>;
  }): Promise<unknown>;
}

export interface BindingMailerOptions {
  /** undefined where none is bound: all mail is refused, and says so. */
  readonly binding: SendEmailBinding | undefined;
  readonly clock: Clock;
}

/** Codes of the binding's errors after which the same mail may pass. */
const PASSING = /RATE_LIMIT|DAILY_LIMIT|DELIVERY_FAILED|INTERNAL|TIMEOUT|UNAVAILABLE/;

export function bindingMailer({ binding, clock }: BindingMailerOptions): Mailer {
  return {
    needsServer: false,
    async send(mail, _server, _policy, timeoutMs) {
      if (binding === undefined) return { kind: 'rejected', reason: 'this Worker has no send_email binding' };
      const late = Promise.withResolvers<MailOutcome>();
      const cancel = clock.schedule(timeoutMs, () =>
        late.resolve({ kind: 'deferred', reason: `no answer within ${timeoutMs} ms` }),
      );
      // The platform makes the message id and refuses headers that it does not know.
      const headers: Record<string, string> = {
        'In-Reply-To': mail.thread,
        References: mail.thread,
        'X-Auto-Response-Suppress': 'All',
      };
      if (mail.urgent) headers['X-Priority'] = '1';
      const { from, to, subject, text, html } = mail;
      try {
        const sent = binding.send({ from, to: [...to], subject, text, html, headers });
        return await Promise.race([
          late.promise,
          sent.then((): MailOutcome => ({ kind: 'accepted', detail: 'taken by Cloudflare' })),
        ]);
      } catch (error) {
        const code = codeOf(error);
        const isPassing = code === undefined || PASSING.test(code);
        return { kind: isPassing ? 'deferred' : 'rejected', reason: code ?? 'the binding failed' };
      } finally {
        cancel();
      }
    },
  };
}

function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : undefined;
}
