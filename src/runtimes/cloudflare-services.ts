/** The Worker in the production profile: as src/runtimes/cloudflare.ts, with the log in Kafka and the store in InfluxDB. A bundle of its own: the other Worker has no use for the clients that it brings. */
import { ShardObject as EmbeddedShardObject, type Services, workerOf } from './cloudflare.ts';
import { fedAppender, fedShard } from './cloudflare-kafka.ts';

export { AlertObject, ControlObject } from './cloudflare.ts';

const SERVICES: Services = { appender: fedAppender, shard: fedShard };

export class ShardObject extends EmbeddedShardObject {
  protected override services(): Services {
    return SERVICES;
  }
}

export default workerOf(SERVICES);
