/** What a Kafka cluster of one or three brokers is to who started it, however it runs. */

/** Where a broker listens: for clients and brokers, and for controllers. */
export interface BrokerPorts {
  readonly broker: number;
  readonly controller: number;
}

export interface KafkaOptions {
  /** Data, settings and logs. Data of one broker and of three are kept apart. */
  readonly dir: string;
  readonly brokers: 1 | 3;
  /** Where clients find each broker; default: free ports. */
  readonly ports?: readonly number[];
}

export interface KafkaNode {
  /** From 1. */
  readonly id: number;
  /** host:port for clients. */
  readonly address: string;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  /** After SIGKILL and SIGTERM the broker is gone; after SIGSTOP it stands still, until SIGCONT. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Resolves when the broker takes part again; does nothing where it runs. */
  start(): Promise<void>;
}

export interface KafkaCluster {
  /** As clients want it: host:port, separated by commas. */
  readonly brokers: string;
  readonly nodes: readonly KafkaNode[];
  /** Ends all brokers for good: where they are containers their data go with them, else with `dir`. */
  stop(): Promise<void>;
}

/** @param ports where clients find the brokers. */
export function addressesOf(ports: readonly number[], host: string): string {
  return ports.map((port) => `${host}:${port}`).join(',');
}
