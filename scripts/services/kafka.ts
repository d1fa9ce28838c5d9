/** A real Kafka of its own for whoever has to kill, stop and start single brokers: containers where Docker works, else processes. */
import { hasCompose } from './compose.ts';
import type { KafkaCluster, KafkaOptions } from './kafka-cluster.ts';
import { startBrokerContainers } from './kafka-containers.ts';
import { controllersFor, startBrokerProcesses } from './kafka-processes.ts';
import { freePorts } from './ports.ts';

/** Starts a cluster that ends with this process at the latest, and resolves when all brokers take part. */
export async function startKafka({ dir, brokers, ports }: KafkaOptions): Promise<KafkaCluster> {
  const clientPorts = ports ?? (await freePorts(brokers));
  if (clientPorts.length !== brokers) throw new Error(`${brokers} brokers need as many ports, not ${clientPorts.length}.`);
  if (hasCompose()) return startBrokerContainers(dir, clientPorts);
  return startBrokerProcesses({ dir, ports: await controllersFor(clientPorts), detached: false });
}
