/** What waits for a commit: a push with who is to be answered, a tick, or what alert rules are told. */
import type { AlertControl } from '../model/alert.ts';
import type { Push } from '../model/push.ts';
import type { LogRecord } from '../ports/metric-log.ts';
import type { AppendOutcome } from '../ports/push-appender.ts';
import { encodeControl, encodeTick } from '../protocols/log-record.ts';
import type { Admitted } from './admit.ts';
import type { Waiting } from './append.ts';
import type { ClientIntake } from './intake.ts';

export interface PendingPushOptions {
  readonly admitted: Admitted;
  readonly client: ClientIntake;
  /** The encoded record. */
  readonly bytes: Uint8Array;
  readonly duplicate: boolean;
  readonly startedMs: number;
  resolve(outcome: AppendOutcome): void;
  reject(error: unknown): void;
}

export class PendingPush implements Waiting {
  readonly record: LogRecord;
  readonly push: Push;
  readonly control = undefined;
  readonly key: string;
  readonly startedMs: number;
  readonly #options: PendingPushOptions;

  constructor(options: PendingPushOptions) {
    const { client, admitted, bytes } = options;
    this.record = { partition: client.partition, bytes };
    this.push = admitted.push;
    this.key = client.key;
    this.startedMs = options.startedMs;
    this.#options = options;
  }

  committed(offset: number): void {
    const { duplicate, admitted, resolve } = this.#options;
    resolve({ kind: 'appended', offset, duplicate, rejected: admitted.rejected });
  }

  failed(error: unknown): void {
    if (this.push.pushId !== undefined) this.#options.client.settled(this.push.pushId);
    this.#options.reject(error);
  }
}

/** Who made the change waits until every partition has it. */
export class PendingControl implements Waiting {
  readonly record: LogRecord;
  readonly control: AlertControl;
  readonly push = undefined;
  readonly key = '';
  readonly startedMs = undefined;
  readonly #done: PromiseWithResolvers<void>;

  constructor(partition: number, control: AlertControl, done: PromiseWithResolvers<void>) {
    this.record = { partition, bytes: encodeControl(control) };
    this.control = control;
    this.#done = done;
  }

  committed(): void {
    this.#done.resolve();
  }

  failed(error: unknown): void {
    this.#done.reject(error);
  }
}

/** Nobody waits for it, and one that fails is missed by nobody: the next one follows. */
export class PendingTick implements Waiting {
  readonly record: LogRecord;
  readonly push = undefined;
  readonly control = undefined;
  readonly key = '';
  readonly startedMs = undefined;

  constructor(partition: number) {
    this.record = { partition, bytes: encodeTick() };
  }

  committed(): void {}

  failed(): void {}
}
