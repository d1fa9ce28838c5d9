/** Real receivers of pages on loopback: an HTTP server and an SMTP server that answer, hang, die and talk without end as they are told. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedPost {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Behaviour =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** Takes the request and says nothing. */
  | 'hang'
  /** Sends its answer's head, and a byte each few ms. */
  | 'trickle'
  /** An answer without end. */
  | 'endless'
  /** Closes before it answers. */
  | 'die'
  /** Closes within the answer. */
  | 'die-mid-answer';

export interface HttpReceiver {
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly posts: ReceivedPost[];
  /** In turn, the last for all that come after. */
  behave(...behaviours: readonly Behaviour[]): void;
  close(): Promise<void>;
}

function answer(response: ServerResponse, behaviour: Behaviour): void {
  if (behaviour === 'hang') return;
  if (behaviour === 'die') return void response.socket?.destroy();
  if (behaviour === 'die-mid-answer') {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half of', () => response.socket?.destroy());
  } else if (behaviour === 'endless') {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    };
    response.on('drain', more);
    more();
  } else if (behaviour === 'trickle') {
    response.writeHead(200);
    const timer = setInterval(() => response.write('x'), 5);
    response.on('close', () => clearInterval(timer));
  } else {
    response.writeHead(behaviour.status, { ...behaviour.headers });
    response.end(behaviour.body ?? '');
  }
}

/** @param tls key and certificate, PEM: then it speaks https, and its `url` says so. */
export async function httpReceiver(tls?: { readonly key: string; readonly cert: string }): Promise<HttpReceiver> {
  const posts: ReceivedPost[] = [];
  let behaviours: Behaviour[] = [{ status: 200 }];
  const handle: Parameters<typeof createServer>[1] = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      posts.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
      const [now = { status: 200 }] = behaviours;
      if (behaviours.length > 1) behaviours = behaviours.slice(1);
      answer(response, now);
    });
  };
  const server = tls === undefined ? createServer(handle) : createTlsServer({ ...tls }, handle);
  const port = await listening(server);
  return {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    posts,
    behave(...next) {
      behaviours = [...next];
    },
    close() {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came: headers, an empty line, the body. */
  readonly raw: string;
}

export interface SmtpReceiver {
  readonly port: number;
  readonly mails: ReceivedMail[];
  /** Reply codes in turn, to the end of DATA or to RCPT; 0 hangs, 250 accepts; the last for all that come after. */
  behave(stage: 'data' | 'rcpt', ...codes: readonly number[]): void;
  close(): Promise<void>;
}

function failure(code: number): Error {
  return Object.assign(new Error('no'), { responseCode: code });
}

export interface SmtpReceiverOptions {
  /** Then it wants a password, and takes this one only. */
  readonly login?: { readonly user: string; readonly password: string };
  /** With STARTTLS, by this key and certificate. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export async function smtpReceiver(options: SmtpReceiverOptions = {}): Promise<SmtpReceiver> {
  const mails: ReceivedMail[] = [];
  const codes = { data: [250], rcpt: [250] };
  const next = (stage: 'data' | 'rcpt'): number => {
    const [now = 250] = codes[stage];
    if (codes[stage].length > 1) codes[stage] = codes[stage].slice(1);
    return now;
  };
  const reply = (stage: 'data' | 'rcpt', done: (error?: Error | null) => void): boolean => {
    const code = next(stage);
    if (code !== 0) done(code === 250 ? null : failure(code));
    return code === 250;
  };
  const server = new SMTPServer({
    ...options.tls,
    disabledCommands: options.tls === undefined ? ['STARTTLS'] : [],
    disableReverseLookup: true,
    authOptional: options.login === undefined,
    allowInsecureAuth: true,
    closeTimeout: 1,
    onAuth({ username, password }, _session, done) {
      const isRight = username === options.login?.user && password === options.login?.password;
      if (isRight) done(null, { user: username });
      else done(failure(535));
    },
    onRcptTo(_address, _session, done) {
      reply('rcpt', done);
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        const mail = { from, to: rcptTo.map(({ address }) => address), raw: Buffer.concat(chunks).toString('utf8') };
        if (reply('data', done)) mails.push(mail);
      });
    },
  });
  server.on('error', () => {});
  const port = await new Promise<number>((done) => {
    const listener = server.listen(0, '127.0.0.1', () => done((listener.address() as AddressInfo).port));
  });
  return {
    port,
    mails,
    behave(stage, ...next) {
      codes[stage] = [...next];
    },
    close: () => new Promise((done) => server.close(() => done())),
  };
}

/** Plain TCP: says what it is told to each who connects, and then does as it is told. */
export async function tcpReceiver(
  connected: (socket: Socket) => void,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    connected(socket);
  });
  const port = await listening(server);
  return {
    port,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

function listening(server: Server): Promise<number> {
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)));
}
