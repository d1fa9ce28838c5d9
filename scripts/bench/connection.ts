/** One keep-alive connection to the server over raw TCP: fetch would cost more than the server under test. */
import type { Socket } from 'bun';
import { responseReader } from './response-reader.ts';

export interface Connection {
  /** Sends a whole request, the next only after its response. Connects first where there is no connection, as an agent does. */
  send(request: Uint8Array): void;
  close(): void;
}

export interface ConnectionOptions {
  readonly hostname: string;
  readonly port: number;
  onResponse(status: number): void;
  /** There is no connection, or it broke before the response was whole: the load cannot go on. */
  onBroken(error: Error): void;
}

export function connection(options: ConnectionOptions): Connection {
  const { hostname, port, onResponse, onBroken } = options;
  let socket: Socket | undefined;
  let unsent: Uint8Array | undefined;
  let waiting = false;
  const read = responseReader((status) => {
    waiting = false;
    onResponse(status);
  });
  const write = (open: Socket, bytes: Uint8Array): void => {
    const written = open.write(bytes);
    unsent = written === bytes.length ? undefined : bytes.subarray(Math.max(0, written));
  };
  const handlers = {
    open(opened: Socket) {
      socket = opened;
      if (unsent !== undefined) write(opened, unsent);
    },
    data(_socket: Socket, chunk: Uint8Array) {
      read(chunk);
    },
    drain(open: Socket) {
      if (unsent !== undefined) write(open, unsent);
    },
    close() {
      socket = undefined;
      if (waiting) onBroken(new Error('The server closed a connection without an answer.'));
    },
  };
  return {
    send(request) {
      waiting = true;
      if (socket !== undefined) return write(socket, request);
      unsent = request;
      Bun.connect({ hostname, port, socket: handlers }).catch(onBroken);
    },
    close: () => void socket?.end(),
  };
}
