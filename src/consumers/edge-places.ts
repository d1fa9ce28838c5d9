/** Where clients' pushes came in, as the edge knows it: of the clients that pushed in this life of the shard, in memory alone. */
import { LIMITS } from '../model/limits.ts';
import { clientKey } from '../model/partition.ts';
import type { ClientStatus } from '../ports/metric-reader.ts';
import type { EdgePlace } from '../ports/push-appender.ts';

export class EdgePlaces {
  readonly #byClient = new Map<string, EdgePlace>();
  /** Clients share the places: there are a few hundred. */
  readonly #places = new Map<string, EdgePlace>();

  note(tenant: string, client: string, { colo, country }: EdgePlace): void {
    if (colo === undefined && country === undefined) return;
    const name = `${colo} ${country}`;
    const place = this.#places.get(name) ?? { colo, country };
    const key = clientKey(tenant, client);
    if (this.#byClient.get(key) === place) return;
    if (this.#byClient.size >= LIMITS.edgePlacesMax && !this.#byClient.has(key)) this.#forget();
    this.#places.set(name, place);
    this.#byClient.set(key, place);
  }

  /** They come back with the next push of each. */
  #forget(): void {
    this.#byClient.clear();
    this.#places.clear();
  }

  /** @returns the clients, each with its place where it is known. */
  withPlaces(tenant: string, clients: readonly ClientStatus[]): readonly ClientStatus[] {
    if (this.#byClient.size === 0) return clients;
    return clients.map((status) => {
      const edge = this.#byClient.get(clientKey(tenant, status.client));
      return edge === undefined ? status : { ...status, edge };
    });
  }
}
