/** Runs commands on a Redis. */

/** Text or bytes, the name of the command first. */
export type RedisCommand = readonly [name: string, ...args: string[]];

/** What Redis answers (RESP2): strings come as bytes, states such as OK as text. */
export type RedisReply = string | number | null | Uint8Array | readonly RedisReply[];

/** What Redis says against one command. */
export interface RedisRefusal {
  readonly error: string;
}

export type RedisOutcome = { readonly reply: RedisReply } | RedisRefusal;

export interface RedisCommands {
  /**
   * Runs commands in their order; others' commands may come between them.
   * @returns an outcome for each.
   * @throws `unavailable`, with retryAfterMs, when Redis cannot be reached or does not answer in time: any of them may have been executed.
   */
  run(commands: readonly RedisCommand[]): Promise<readonly RedisOutcome[]>;
  /**
   * Runs commands as one: all or, when one of them is not even well formed, none; nobody's command comes between them.
   * @returns an outcome for each, or the one error that kept all of them from being executed.
   * @throws as `run`
   */
  transaction(commands: readonly RedisCommand[]): Promise<readonly RedisOutcome[] | RedisRefusal>;
  /** Resolves when Redis answers. @throws unavailable */
  ping(): Promise<void>;
  /** Waits for answers that are owed, then lets go of the connection. */
  close(): Promise<void>;
}
