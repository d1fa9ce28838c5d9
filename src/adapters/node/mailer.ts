/** Mail by SMTP: nodemailer over a connection to an address that was checked; Bun and Deno run it too. */
import { connect, type Socket } from 'node:net';
import { createTransport } from 'nodemailer';
import type { Mail, Mailer, MailOutcome, MailServer } from '../../ports/mailer.ts';
import type { Target } from '../../ports/outbound.ts';
import { checkedAddresses, pinnedLookup, type Resolve, systemResolve } from './checked-addresses.ts';

export interface SmtpMailerOptions {
  readonly resolve?: Resolve;
  /** Certificates of authorities, PEM, to be trusted instead of the system's. */
  readonly ca?: string;
  /** What the server is greeted as; left out: nodemailer's choice, this machine's name. */
  readonly name?: string;
}

interface Failure {
  readonly code?: string;
  readonly responseCode?: number;
}

export function smtpMailer(options: SmtpMailerOptions = {}): Mailer {
  const resolve = options.resolve ?? systemResolve;
  return {
    needsServer: true,
    async send(mail, server, policy, timeoutMs) {
      if (server === undefined) return { kind: 'rejected', reason: 'no SMTP server is set' };
      const target = policy.mailServer(server.host, server.port, server.secure);
      if ('denied' in target) return { kind: 'rejected', reason: target.denied };
      const opened: { socket?: Socket } = {};
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<MailOutcome>((end) => {
        timer = setTimeout(() => end({ kind: 'deferred', reason: `not sent within ${timeoutMs} ms` }), timeoutMs);
      });
      const attempt = async (): Promise<MailOutcome> => {
        const checked = await checkedAddresses(target, policy, resolve);
        if ('denied' in checked) return { kind: 'rejected', reason: checked.denied };
        opened.socket = connect({ host: target.host, port: target.port, lookup: pinnedLookup(checked.addresses) });
        await connected(opened.socket);
        return transmit(mail, server, target, opened.socket, options);
      };
      try {
        return await Promise.race([late, attempt()]);
      } catch (error) {
        return failure(error as Failure);
      } finally {
        clearTimeout(timer);
        opened.socket?.destroy();
      }
    },
  };
}

function connected(socket: Socket): Promise<void> {
  return new Promise((done, failed) => {
    socket.once('connect', done);
    socket.once('error', failed);
  });
}

async function transmit(
  mail: Mail,
  server: MailServer,
  target: Target,
  connection: Socket,
  options: SmtpMailerOptions,
): Promise<MailOutcome> {
  const isName = !/^[\d.]+$|:/.test(target.host);
  const transport = createTransport({
    host: target.host,
    port: target.port,
    secure: server.secure,
    // Passwords and pages go in the clear only to servers that the operator names.
    requireTLS: !server.secure && !target.allowed,
    getSocket: (_options, callback) => callback(null, { connection }),
    tls: { ...(isName ? { servername: target.host } : {}), ...(options.ca === undefined ? {} : { ca: options.ca }) },
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(server.user === undefined ? {} : { auth: { user: server.user, pass: server.password ?? '' } }),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const { messageId, thread, urgent, ...parts } = mail;
  const sent = await transport.sendMail({
    ...parts,
    to: [...mail.to],
    // What goes to the server is what was checked, not what a parser makes of it.
    envelope: { from: mail.from, to: [...mail.to] },
    messageId,
    inReplyTo: thread,
    references: thread,
    priority: urgent ? 'high' : 'normal',
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  });
  const refused = sent.rejected.length;
  const detail =
    refused === 0 ? 'taken by the mail server' : `taken for ${sent.accepted.length}, refused for ${refused} of its addresses`;
  return { kind: 'accepted', detail };
}

/** 4xx of SMTP and whatever broke may pass; 5xx will not. Texts of servers are left out: they name accounts. */
function failure({ code, responseCode }: Failure): MailOutcome {
  const reason = responseCode === undefined ? (code ?? 'the connection failed') : `the mail server said ${responseCode}`;
  return { kind: responseCode !== undefined && responseCode >= 500 ? 'rejected' : 'deferred', reason };
}
