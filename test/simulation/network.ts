/** The network between clients and the server: it loses, delays, doubles and reorders. */
import type { FaultCounts } from './faults.ts';
import type { Random } from './random.ts';
import type { SimulatedServer } from './server.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface Post {
  /** Who sends: requests of one sender that overtake each other are counted. */
  readonly sender: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Whether the sender still runs: to a dead one nothing is delivered. */
  readonly alive: () => boolean;
  /** Told of every answer at the moment the server gives it, whether or not it arrives. */
  readonly answered: (answer: Answer) => void;
}

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

export interface NetworkOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly server: SimulatedServer;
  readonly faults: FaultCounts;
  readonly trace: (line: string) => void;
  readonly report: (violation: string) => void;
  /** Told when a copy is sent at once: the moment at which a crash hurts most. */
  readonly doubled: () => void;
}

const LOST = 0.04;
const DOUBLED = 0.06;
const SLOW = 0.08;

export class Network {
  faulty = true;
  readonly #options: NetworkOptions;
  readonly #arrived = new Map<string, number>();
  #sent = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** Rejects where the connection breaks; where nothing ever comes back it stays open. */
  post(post: Post): Promise<Answer> {
    const { clock, random, faults, doubled } = this.#options;
    const number = this.#sent++;
    return new Promise((resolve, reject) => {
      const deliver = (delayMs: number): void => void clock.schedule(delayMs, () => this.#arrive(post, number, resolve, reject));
      if (this.#happens(LOST)) {
        faults.count('request_lost');
        if (random.chance(0.5)) clock.schedule(this.#delayMs(), () => post.alive() && reject(new Error('connection reset')));
        return;
      }
      const delayMs = this.#delayMs();
      deliver(delayMs);
      if (!this.#happens(DOUBLED)) return;
      if (random.chance(0.5)) {
        faults.count('request_duplicated_in_flight');
        deliver(delayMs + random.whole(0, 1));
        doubled();
      } else {
        faults.count('request_duplicated_later');
        deliver(delayMs + random.whole(100, 240_000));
      }
    });
  }

  #happens(probability: number): boolean {
    return this.faulty && this.#options.random.chance(probability);
  }

  #delayMs(): number {
    const { random } = this.#options;
    return this.#happens(SLOW) ? random.whole(200, 12_000) : random.whole(0, 30);
  }

  #arrive(post: Post, number: number, resolve: (answer: Answer) => void, reject: (error: unknown) => void): void {
    const { clock, random, server, faults, trace, report } = this.#options;
    const newest = this.#arrived.get(post.sender) ?? -1;
    if (number < newest) faults.count('requests_reordered');
    this.#arrived.set(post.sender, Math.max(newest, number));
    const response = server.up ? server.handle(requestOf(post)) : undefined;
    const back = (settle: () => void): void => void clock.schedule(this.#delayMs(), () => post.alive() && settle());
    if (response === undefined) {
      const gateway = random.chance(0.5);
      faults.count(gateway ? 'gateway_answered_503' : 'server_unreachable');
      const retryAfter = random.pick([undefined, '0', '1', '20', 'soon']);
      back(() => (gateway ? resolve({ status: 503, retryAfter, text: '' }) : reject(new Error('connection refused'))));
      return;
    }
    const answered = async (): Promise<void> => {
      const got = await response;
      const answer = { status: got.status, retryAfter: got.headers.get('retry-after') ?? undefined, text: await got.text() };
      trace(
        `${post.sender} ${post.headers['Idempotency-Key'] ?? '-'} -> ${answer.status} ${answer.text.replace(/"correlation_id":"[^"]*"/, '')}`,
      );
      post.answered(answer);
      if (this.#happens(LOST)) faults.count('response_lost');
      else back(() => resolve(answer));
    };
    answered().catch((error: unknown) => report(`the network failed: ${String(error)}`));
  }
}

function requestOf({ headers, body }: Post): Request {
  return new Request('http://server/metrics', {
    method: 'POST',
    headers: { ...headers, 'Content-Length': String(body.length) },
    body,
  });
}
