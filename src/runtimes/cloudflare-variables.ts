/** The variables that say where log and store of a Worker are, where they are not in its objects. */

/** Variables and secrets; the first six go together. */
export interface ServicesEnv {
  /** The gateway in front of Kafka: docs/gateway.md. */
  readonly KAFKA_REST_URL?: string;
  readonly KAFKA_REST_USERNAME?: string;
  readonly KAFKA_REST_PASSWORD?: string;
  readonly INFLUX_URL?: string;
  readonly INFLUX_TOKEN?: string;
  readonly INFLUX_ORG?: string;
  /** Where edges count together what clients do; left out: each counts by itself. */
  readonly UPSTASH_REDIS_REST_URL?: string;
  readonly UPSTASH_REDIS_REST_TOKEN?: string;
  /** Before the names of topics, buckets and keys. */
  readonly METRICSTREAM_PREFIX?: string;
}

const NEEDED = [
  'KAFKA_REST_URL',
  'KAFKA_REST_USERNAME',
  'KAFKA_REST_PASSWORD',
  'INFLUX_URL',
  'INFLUX_TOKEN',
  'INFLUX_ORG',
] as const;

/**
 * What is wrong with the variables, in words; undefined: nothing.
 * @param areNeeded whether the Worker that was deployed is the one that keeps nothing itself.
 */
export function servicesError(env: ServicesEnv, areNeeded: boolean): string | undefined {
  const missing = NEEDED.filter((name) => env[name] === undefined || env[name] === '');
  if (areNeeded && missing.length > 0) return `${missing.join(', ')} has to be set.`;
  if (!areNeeded && missing.length < NEEDED.length)
    return `This Worker keeps all in its objects, and ${NEEDED.join(', ')} are for the other: deploy with wrangler.kafka.toml.`;
  if ((env.UPSTASH_REDIS_REST_URL === undefined) !== (env.UPSTASH_REDIS_REST_TOKEN === undefined))
    return 'UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN go together.';
  return undefined;
}
