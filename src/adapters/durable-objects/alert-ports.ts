/** What the edge asks of alerting, by way of its object. */
import type { AlertPorts, AlertService } from '../../ports/alert-service.ts';
import { ALERT_METHODS } from '../../protocols/alert-call.ts';
import { CALL_VERSION } from '../../protocols/shard-reply.ts';
import { ask } from './remote.ts';

export function remoteAlertPorts(options: { alerts(): Pick<AlertService, 'ask'> }): AlertPorts {
  const port = <Port extends keyof AlertPorts>(name: Port): AlertPorts[Port] => {
    const methods = ALERT_METHODS[name].map((method) => [
      method,
      (...args: readonly unknown[]) => ask(options.alerts().ask({ version: CALL_VERSION, port: name, method, args })),
    ]);
    // Each method has the arguments and the answer that the port says: they only travel.
    return Object.fromEntries(methods) as AlertPorts[Port];
  };
  return { book: port('book'), desk: port('desk'), trial: port('trial'), fleet: port('fleet') };
}
