/** Control as a Durable Object: a shell around Control and LiveControl. What it is wired to stands in runtimes/cloudflare.ts. */
import { DurableObject } from 'cloudflare:workers';
import type { LiveListener } from '../ports/live-feed.ts';
import type { ControlService, EnrichmentsCall, LiveCall, Message, RevokeCall } from '../ports/shard-service.ts';
import { LIVE_LISTENER_HEADER, LIVE_PING, LIVE_PONG } from '../protocols/live-message.ts';
import { reply } from '../protocols/shard-reply.ts';
import type { Control } from './control.ts';
import { type LiveControl, type LiveSocket, tagsOf } from './live-control.ts';

export interface ControlParts {
  readonly control: Control;
  readonly live: LiveControl;
}

export abstract class ControlObjectBase<Env> extends DurableObject<Env> implements ControlService {
  readonly #parts: ControlParts;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // Signs of life are answered by the platform: they do not wake this object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(LIVE_PING, LIVE_PONG));
    this.#parts = this.open();
  }

  protected abstract open(): ControlParts;

  /** Those that are open; they outlive this object's sleep. */
  protected sockets(tag?: string): LiveSocket[] {
    const open = this.ctx.getWebSockets(tag).filter(({ readyState }) => readyState === WebSocket.OPEN);
    return open.map((socket) => this.#liveSocket(socket));
  }

  #liveSocket(socket: WebSocket): LiveSocket {
    const { listener, openedMs } = socket.deserializeAttachment() as Pick<LiveSocket, 'listener' | 'openedMs'>;
    return {
      key: socket,
      listener,
      openedMs,
      answeredMs: this.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime(),
      send: (message) => socket.send(message),
      close: (code, reason) => socket.close(code, reason),
    };
  }

  /** The handshake of a page, from an edge: 101, or a Reply that says why not. */
  override async fetch(request: Request): Promise<Response> {
    const listener = JSON.parse(request.headers.get(LIVE_LISTENER_HEADER) ?? '') as LiveListener;
    const pair = new WebSocketPair();
    const accept = (openedMs: number): LiveSocket => {
      this.ctx.acceptWebSocket(pair[1], tagsOf(listener));
      pair[1].serializeAttachment({ listener, openedMs });
      return this.#liveSocket(pair[1]);
    };
    const answer = await reply(() => this.#parts.live.open(listener, accept));
    return answer.ok ? new Response(null, { status: 101, webSocket: pair[0] }) : Response.json(answer);
  }

  /** A page says nothing but its sign of life. */
  override webSocketMessage(socket: WebSocket): void {
    socket.close(1008, 'nothing is heard here');
  }

  override webSocketClose(socket: WebSocket): Promise<void> {
    // The answer to the page's close, for which it waits.
    socket.close();
    return this.#parts.live.closed(socket);
  }

  override webSocketError(socket: WebSocket): Promise<void> {
    return this.#parts.live.closed(socket);
  }

  override alarm(): Promise<void> {
    return this.#parts.live.wake();
  }

  liveChanged(call: LiveCall) {
    return reply(async () => this.#parts.live.changed(call));
  }

  register({ shard }: Message & { readonly shard: string }) {
    return reply(() => this.#parts.control.register(shard));
  }

  revoke({ revocation }: RevokeCall) {
    return reply(() => this.#parts.control.revoke(revocation));
  }

  revokedSince({ sinceMs }: Message & { readonly sinceMs: number }) {
    return reply(() => this.#parts.control.revokedSince(sinceMs));
  }

  enrichments(call: EnrichmentsCall) {
    return reply(() => this.#parts.control.enrichments(call));
  }

  wakeAll(_call: Message) {
    return reply(() => this.#parts.control.wakeAll());
  }
}
