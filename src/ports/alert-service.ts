/** What edges, shards and the object of alerting say to each other where they are apart. */
import type { Transition } from '../model/alert.ts';
import type { AlertBook, AlertTrial, Fleet, IncidentDesk } from './alert-book.ts';
import type { Message, Reply } from './shard-service.ts';

/** What alerting answers, by port. */
export interface AlertPorts {
  readonly book: AlertBook;
  readonly desk: IncidentDesk;
  readonly trial: AlertTrial;
  readonly fleet: Fleet;
}

/** One method of one port, with its arguments: plain data, as is what it answers. */
export interface AlertCall extends Message {
  readonly port: keyof AlertPorts;
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface TransitionsCall extends Message {
  readonly transitions: readonly Transition[];
}

/** The one object that keeps incidents. */
export interface AlertService {
  /** As TransitionSink.deliver. */
  transitions(call: TransitionsCall): Promise<Reply<null>>;
  /** @returns invalid_request for a method that there is not. */
  ask(call: AlertCall): Promise<Reply<unknown>>;
  /** Cron: does what is due, and sees to it that the alarm is set. */
  wake(call: Message): Promise<Reply<null>>;
}
