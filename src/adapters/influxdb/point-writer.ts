/** The point writer on InfluxDB 2.7: batches of line protocol, a few in flight, and the lines that are refused found in them. */
import type { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { PointWriter, RefusedPoint } from '../../ports/point-writer.ts';
import { ask, failureOf, type InfluxAnswer, type InfluxConnection } from './connection.ts';
import { type LineBatch, lineEncoder } from './line-encoder.ts';
import { type BucketNames, bucketNames } from './names.ts';

export interface InfluxPointWriterOptions extends InfluxConnection {
  /** Keeps several installations in one organization apart; '' is none. */
  readonly bucketPrefix: string;
  /** Where the host has one: lines shrink to less than a tenth. undefined: they are sent as they are. */
  readonly gzip?: ((bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>) | undefined;
}

export function influxPointWriter(options: InfluxPointWriterOptions): PointWriter {
  const encoder = lineEncoder();
  const places = placesFor(LIMITS.influxWritesConcurrentMax);
  return {
    async write(points) {
      const refusals = new Refusals();
      const send = new Sender(options, refusals);
      const running = new Set<Promise<void>>();
      let failure: unknown;
      let last: Promise<void> = Promise.resolve();
      const batches = encoder.batches(points, (reason, line) => refusals.add(reason, line));
      for (;;) {
        // To encode a batch takes ms, and a client may have dozens: all else has its turn between them.
        if (running.size > 1) await new Promise<void>((resolve) => void options.clock.schedule(0, resolve));
        await places.take();
        const batch = failure === undefined ? batches.next().value : undefined;
        if (batch === undefined) break;
        // Of two points for one window the later has to come last.
        const before = batch.follows ? last : Promise.resolve();
        const sent = before
          .then(() => (failure === undefined ? send.batch(batch) : undefined))
          .catch((error: unknown) => {
            failure ??= error;
          })
          .finally(() => {
            places.give();
            running.delete(sent);
          });
        running.add(sent);
        last = sent;
      }
      places.give();
      await Promise.all(running);
      if (failure !== undefined) throw failure;
      return { refused: refusals.refused, refusedCount: refusals.refusedCount };
    },
  };
}

/** A bound on how many do something at once; those who wait get their turn in order. */
function placesFor(max: number): { take(): Promise<void>; give(): void } {
  let free = max;
  const waiting: (() => void)[] = [];
  return {
    async take() {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    give() {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
}

const DECODER = new TextDecoder();

class Refusals {
  readonly refused: RefusedPoint[] = [];
  refusedCount = 0;

  get isFull(): boolean {
    return this.refused.length >= LIMITS.refusedPointsMax;
  }

  add(reason: string, line: string): void {
    this.refusedCount += 1;
    if (!this.isFull) this.refused.push({ reason: cutText(reason), line: cutText(line) });
  }

  /** Points of which it is only known how many they are. */
  count(points: number): void {
    this.refusedCount += points;
  }
}

/** At most refusedPointBytesMax bytes of UTF-8, and no half of a character. */
function cutText(text: string): string {
  const bytes = new TextEncoder().encode(text.slice(0, LIMITS.refusedPointBytesMax));
  return new TextDecoder().decode(bytes.subarray(0, LIMITS.refusedPointBytesMax), { stream: true });
}

/** Sends batches, and halves of them for as long as some of their lines are refused and it is not known which. */
class Sender {
  readonly #options: InfluxPointWriterOptions;
  readonly #buckets: BucketNames;
  readonly #refusals: Refusals;
  #isProven = false;

  constructor(options: InfluxPointWriterOptions, refusals: Refusals) {
    this.#options = options;
    this.#buckets = bucketNames(options.bucketPrefix);
    this.#refusals = refusals;
  }

  batch(batch: LineBatch): Promise<void> {
    return this.#lines(batch, 0, batch.ends.length);
  }

  /** Lines [from, to) of a batch. */
  async #lines(batch: LineBatch, from: number, to: number): Promise<void> {
    const answer = await this.#post(batch, bytesOf(batch, from, to));
    if (answer.status === 204) return;
    const count = to - from;
    if (answer.status === 422) {
      // Good lines are stored, or on their way: it answers for the first shard that refused some, with their number, and waits for no other.
      if (count === 1 || droppedOf(answer) >= count) return this.#refuse(answer, batch, from, to);
    } else if (answer.status === 400 || answer.status === 413) {
      // Nothing is stored.
      await this.#prove(batch, answer);
      if (count === 1) return this.#refuse(answer, batch, from, to);
    } else {
      throw this.#failure(batch, answer);
    }
    const middle = (from + to) >>> 1;
    await this.#lines(batch, from, middle);
    await this.#lines(batch, middle, to);
  }

  #refuse(answer: InfluxAnswer, batch: LineBatch, from: number, to: number): void {
    let line = from;
    for (; line < to && !this.#refusals.isFull; line++) {
      this.#refusals.add(answer.text, DECODER.decode(bytesOf(batch, line, line + 1).subarray(0, -1)));
    }
    this.#refusals.count(to - line);
  }

  /** Makes sure that it is the lines that are refused, and not every write: a comment is right everywhere. */
  async #prove(batch: LineBatch, refusal: InfluxAnswer): Promise<void> {
    if (this.#isProven) return;
    const answer = await this.#post(batch, new Uint8Array(new TextEncoder().encode('# metricstream\n')));
    if (answer.status >= 500 || answer.status === 429) throw this.#failure(batch, answer);
    if (answer.status !== 204) throw this.#failure(batch, refusal);
    this.#isProven = true;
  }

  #failure({ kind }: LineBatch, answer: InfluxAnswer): MetricStreamError {
    return failureOf(answer, this.#options, `to write to the bucket "${this.#buckets[kind]}"`);
  }

  async #post({ kind }: LineBatch, lines: Uint8Array<ArrayBuffer>): Promise<InfluxAnswer> {
    const { org, gzip } = this.#options;
    const query = `org=${encodeURIComponent(org)}&bucket=${encodeURIComponent(this.#buckets[kind])}&precision=ns`;
    return ask(this.#options, {
      method: 'POST',
      path: `/api/v2/write?${query}`,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        ...(gzip === undefined ? {} : { 'content-encoding': 'gzip' }),
      },
      body: gzip === undefined ? lines : await gzip(lines),
      timeoutMs: LIMITS.influxWriteTimeoutMs,
    });
  }
}

function bytesOf({ bytes, ends }: LineBatch, from: number, to: number): Uint8Array<ArrayBuffer> {
  return bytes.subarray(from === 0 ? 0 : (ends[from - 1] as number), ends[to - 1] as number);
}

/** `partial write: points beyond retention policy dropped=3` */
function droppedOf({ text }: InfluxAnswer): number {
  return Number(/\bdropped=(\d+)/.exec(text)?.[1] ?? 0);
}
