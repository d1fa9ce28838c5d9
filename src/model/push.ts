/** One push of one client, as the edge hands it to the log and the consumer reads it back. */
import type { RejectReason } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { Shape } from './series.ts';

/** Idempotency-Key: BOOT_ID:SEQUENCE; sequences of a boot are dense from 0. */
export interface PushId {
  readonly boot: string;
  readonly sequence: number;
  /** The boot before this one and how many pushes it made, so that the ledger knows what to expect of it. */
  readonly previous: { readonly boot: string; readonly count: number } | undefined;
}

export interface Push {
  readonly tenant: string;
  readonly client: string;
  /** When the edge received it, Unix ms. */
  readonly arrivalMs: number;
  /** When the agent sent it by its own clock (X-Sent-At), Unix ms. */
  readonly sentMs: number | undefined;
  readonly pushId: PushId | undefined;
  /** murmur2 of the decoded body: tells a repeat of a push id from a misuse of it. */
  readonly contentHash: number;
  readonly correlationId: string;
  readonly traceparent: string | undefined;
  readonly datacenter: string | undefined;
  readonly environment: string | undefined;
  readonly shape: Shape;
  /** One finite value per series of the shape. */
  readonly values: Float64Array;
  /** Unix ms of each sample, or one element where all share it. */
  readonly timesMs: Float64Array;
  /** Nanoseconds within the ms (0..999,999), parallel to timesMs; undefined where all are 0. */
  readonly timesNs: Int32Array | undefined;
  /** Some sample had no time and got the edge's: a repeat of the push would bring it another, so it is not merged. */
  readonly stamped: boolean;
  /** What the edge refused, by reason. */
  readonly rejected: readonly (readonly [reason: RejectReason, count: number])[];
}

const PUSH_ID = /^([A-Za-z0-9-]{1,64}):(0|[1-9][0-9]{0,15})$/;

/** @returns undefined when the text is no push id. `previous` is the X-Previous-Boot header: BOOT_ID:COUNT. */
export function parsePushId(text: string, previous: string | undefined): PushId | undefined {
  const match = PUSH_ID.exec(text);
  if (match === null) return undefined;
  const sequence = Number(match[2]);
  if (sequence > LIMITS.sequenceMax) return undefined;
  const before = previous === undefined ? null : PUSH_ID.exec(previous);
  const boot = match[1] ?? '';
  return {
    boot,
    sequence,
    previous: before === null ? undefined : { boot: before[1] ?? '', count: Number(before[2]) },
  };
}
