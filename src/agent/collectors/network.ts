/** Traffic, errors and drops by interface, from /proc/net/dev. */
import { type Collector, type Machine, type Reading, rounded } from './collector.ts';
import { type Counters, rateKeeper } from './rates.ts';

/** Loopback, the host's ends of containers (Docker, Calico, Cilium), and what the kernel makes without being asked. */
const LEFT_OUT = /^(?:lo$|veth|cali[0-9a-f]|lxc[0-9a-f]{8}|ifb\d|dummy\d|sit0$|tunl0$|ip6tnl0$|gre0$|gretap0$|erspan0$)/;

/** The fields of a line that are kept, in this order, with their places after the colon. */
const FIELDS = [
  { name: 'network_receive_bytes', place: 0, decimals: 1 },
  { name: 'network_transmit_bytes', place: 8, decimals: 1 },
  { name: 'network_receive_errors', place: 2, decimals: 2 },
  { name: 'network_transmit_errors', place: 10, decimals: 2 },
  { name: 'network_receive_drops', place: 3, decimals: 2 },
  { name: 'network_transmit_drops', place: 11, decimals: 2 },
] as const;

/**
 * The kept counters by interface. Format: proc_pid_net(5): two header lines, then `name: 16 counters`; older kernels put
 * no space after the colon, and an alias has a colon in its name.
 */
function parseNetDev(text: string): Counters {
  const interfaces = new Map<string, number[]>();
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':');
    const name = line.slice(0, colon).trim();
    const counters = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/);
    if (colon < 0 || counters.length < 16 || LEFT_OUT.test(name)) continue;
    interfaces.set(
      name,
      FIELDS.map(({ place }) => Number(counters[place])),
    );
  }
  return interfaces;
}

export function networkCollector(machine: Machine): Collector {
  const rates = rateKeeper();
  return () => {
    const readings: Reading[] = [];
    for (const [name, perSecond] of rates(machine.monotonicMs(), parseNetDev(machine.readText('/proc/net/dev')))) {
      FIELDS.forEach((field, index) => {
        const rate = perSecond[index];
        if (rate !== undefined)
          readings.push({ name: field.name, value: rounded(rate, field.decimals), labels: { interface: name } });
      });
    }
    return readings;
  };
}
