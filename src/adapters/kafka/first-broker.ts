/** Which of the brokers a client of the library asks first, where that can be changed while it runs. */
import type { Broker } from '@platformatic/kafka';

export interface FirstBroker {
  /** As bootstrapBrokers of the library, which reads them each time that it asks. */
  readonly brokers: Broker[];
  current(): Broker;
  /** Another one comes first from now on, if this one still does. @param others brokers that were learned since. */
  turn(from: Broker, others: Iterable<Broker>): void;
}

/**
 * Who leads a partition the library asks the first broker of its list that takes a connection: one that hangs, and takes connections all the
 * same, would be asked again and again.
 * @param addresses `host:port`, IPv6 in brackets.
 */
export function firstBroker(addresses: readonly string[]): FirstBroker {
  let known = addresses.map(parsed);
  let first = 0;
  const at = (i: number): Broker => known[(first + i) % known.length] as Broker;
  return {
    brokers: addresses.map((_, i) => ({
      get host() {
        return at(i).host;
      },
      get port() {
        return at(i).port;
      },
    })),
    current: () => at(0),
    turn(from, others) {
      if (!isSame(from, at(0))) return;
      const all = [...addresses.map(parsed), ...others];
      known = all.filter((one, i) => all.findIndex((other) => isSame(one, other)) === i);
      first = (known.findIndex((one) => isSame(one, from)) + 1) % known.length;
    },
  };
}

function isSame(one: Broker, other: Broker): boolean {
  return one.host === other.host && one.port === other.port;
}

function parsed(address: string): Broker {
  const { hostname, port } = new URL(`kafka://${address}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? DEFAULT_PORT : Number(port) };
}

const DEFAULT_PORT = 9092;
