/** Mail by SMTP against real servers: what they say is what comes of it, a password goes nowhere in the clear, and nothing waits for ever. */
import { afterEach, describe, expect, test } from 'vitest';
import { smtpMailer } from '../../../src/adapters/node/mailer.ts';
import { targetGuard } from '../../../src/alerts/target-guard.ts';
import type { Mail, MailOutcome, MailServer } from '../../../src/ports/mailer.ts';
import type { TargetPolicy } from '../../../src/ports/outbound.ts';
import { smtpReceiver, tcpReceiver } from '../../system/notify-receivers.ts';
import { testCertificate } from '../../system/test-certificate.ts';

const PATIENT_MS = 10_000;
const HASTY_MS = 200;

const MAIL: Mail = {
  from: 'alerts@example.com',
  to: ['ops@example.com', 'boss@example.com'],
  subject: '[FIRING] Überlast',
  text: 'line one\n.\nline two\n',
  html: '<p>line</p>',
  messageId: '<m1@example.com>',
  thread: '<t1@example.com>',
  urgent: true,
};

export function describeSmtp(host: string): void {
  describe(`mail by SMTP on ${host}`, () => {
    const tls = testCertificate('mail.test');
    const otherTls = testCertificate('other.test');
    const allowing = targetGuard({ allowTargets: ['mail.test', 'other.test'] });
    const closing: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const close of closing.splice(0)) await close();
    });
    const mailer = smtpMailer({ name: 'test', ca: tls.cert + otherTls.cert, resolve: async () => ['127.0.0.1'] });
    const send = (
      port: number,
      changes: { server?: Partial<MailServer>; policy?: TargetPolicy; timeoutMs?: number } = {},
    ): Promise<MailOutcome> => {
      const server = { host: 'mail.test', port, secure: false, user: undefined, password: undefined, ...changes.server };
      return mailer.send(MAIL, server, changes.policy ?? allowing, changes.timeoutMs ?? PATIENT_MS);
    };
    const opened = async <R extends { close(): Promise<void> }>(receiver: Promise<R>): Promise<R> => {
      closing.push((await receiver).close);
      return receiver;
    };

    test('a mail arrives whole, to all, with its thread', async () => {
      const receiver = await opened(smtpReceiver({ tls, login: { user: 'u', password: 'p' } }));
      expect(await send(receiver.port, { server: { user: 'u', password: 'p' } })).toMatchObject({ kind: 'accepted' });
      const [mail] = receiver.mails;
      expect(mail).toMatchObject({ from: MAIL.from, to: MAIL.to });
      for (const header of ['Message-ID: <m1@example.com>', 'In-Reply-To: <t1@example.com>', 'References: <t1@example.com>']) {
        expect(mail?.raw).toContain(header);
      }
      expect(mail?.raw).toContain('line one\r\n.\r\nline two');
    });

    test.each([
      ['data', 451, 'deferred'],
      ['data', 554, 'rejected'],
      ['rcpt', 450, 'deferred'],
      ['rcpt', 550, 'rejected'],
    ] as const)('%s answered %i is %s', async (stage, code, kind) => {
      const receiver = await opened(smtpReceiver());
      receiver.behave(stage, code);
      expect((await send(receiver.port)).kind).toBe(kind);
    });

    test('an address that is refused does not keep the mail from others', async () => {
      const receiver = await opened(smtpReceiver());
      receiver.behave('rcpt', 550, 250);
      expect(await send(receiver.port)).toEqual({ kind: 'accepted', detail: 'taken for 1, refused for 1 of its addresses' });
      expect(receiver.mails).toHaveLength(1);
    });

    test('a wrong password is refused, and stands in no reason', async () => {
      const receiver = await opened(smtpReceiver({ tls, login: { user: 'u', password: 'right' } }));
      const outcome = await send(receiver.port, { server: { user: 'u', password: 'wrong-one' } });
      expect(outcome.kind).toBe('rejected');
      expect(JSON.stringify(outcome)).not.toContain('wrong-one');
    });

    test('a server without TLS gets nothing, unless the operator allows it', async () => {
      const receiver = await opened(smtpReceiver({ login: { user: 'u', password: 'p' } }));
      const strict: TargetPolicy = {
        ...allowing,
        mailServer: (name, port, secure) => ({ url: '', host: name, port, secure, allowed: false }),
      };
      const server = { user: 'u', password: 'p' };
      expect((await send(receiver.port, { server, policy: strict })).kind).not.toBe('accepted');
      expect(receiver.mails).toEqual([]);
      expect((await send(receiver.port, { server })).kind).toBe('accepted');
    });

    test('a certificate for another name ends it before the password', async () => {
      const receiver = await opened(smtpReceiver({ tls: otherTls, login: { user: 'u', password: 'p' } }));
      const outcome = await send(receiver.port, { server: { user: 'u', password: 'p' } });
      expect(outcome.kind).toBe('deferred');
      expect(receiver.mails).toEqual([]);
      // It is trusted for its own name.
      const own = { host: 'other.test', user: 'u', password: 'p' };
      expect((await send(receiver.port, { server: own })).kind).toBe('accepted');
    });

    test('what the policy denies is not connected to', async () => {
      let connections = 0;
      const receiver = await opened(tcpReceiver(() => (connections += 1)));
      expect((await send(receiver.port, { policy: targetGuard({ allowTargets: [] }) })).kind).toBe('rejected');
      expect(connections).toBe(0);
    });

    test.each([
      ['says nothing', () => {}],
      ['greets a byte at a time', (socket) => socket.write('2')],
    ] as [string, (socket: import('node:net').Socket) => void][])(
      'it ends in time with a server that %s',
      async (_what, connected) => {
        const receiver = await opened(tcpReceiver(connected));
        expect((await send(receiver.port, { timeoutMs: HASTY_MS })).kind).toBe('deferred');
      },
    );

    test('a server that dies within the mail, and one that is not there, are tried again', async () => {
      const receiver = await opened(
        tcpReceiver((socket) => {
          socket.write('220 hi\r\n');
          socket.on('data', (chunk) => {
            const said = chunk.toString();
            if (said.startsWith('DATA')) socket.write('354 go on\r\n', () => socket.destroy());
            else socket.write('250 ok\r\n');
          });
        }),
      );
      expect((await send(receiver.port)).kind).toBe('deferred');
      await receiver.close();
      expect((await send(receiver.port)).kind).toBe('deferred');
    });
  });
}
