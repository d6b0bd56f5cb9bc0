// Keeps a runner joined to every gateway that its URLs stand for, while gateways are added and
// removed.

import type { Clock } from '#core/ports.ts';
import { RunnerRefusedError } from '#core/protocol/runner-reconnect.ts';
import { rest } from '#core/time/rest.ts';
import { endpointsOf, type GatewayEndpoint, type Lookup } from './gateway-addresses.ts';
import type { Log } from './node-runner-log.ts';

/** Thrown by `dial` for an endpoint that no URL resolves to any more. */
class EndpointGoneError extends Error {
  override readonly name = 'EndpointGoneError';
}

export type ServeGatewaysOptions = {
  readonly urls: readonly string[];
  readonly lookup: Lookup;
  /**
   * Stays joined to one gateway. Resolves once drained; throws `RunnerRefusedError` when this
   * gateway refuses the runner. It calls `dial` before each attempt to connect; `dial` throws when
   * the endpoint is gone, and `serve` must let that error pass.
   */
  readonly serve: (endpoint: GatewayEndpoint, dial: () => void) => Promise<void>;
  readonly clock: Clock;
  readonly drain: AbortSignal;
  readonly log: Log;
};

const lookupEveryMs = 10_000;
const lookupRetryMs = 1_000;

/**
 * Resolves once drained, by either side. A name's new addresses are new gateways. An address that a
 * name no longer has is not dialled again, but an open connection stays, because a name server may
 * drop an address for a moment. Throws when every gateway refused this runner, and whatever else
 * `serve` throws.
 */
export async function serveGateways(options: ServeGatewaysOptions): Promise<void> {
  await new GatewayServing(options).run();
}

/** `left`: drained or refused by its gateway; not dialled again while a URL resolves to it. */
type Served = { isListed: boolean; state: 'served' | 'left' };

class GatewayServing {
  readonly #options: ServeGatewaysOptions;
  /** Served endpoints by `keyOf`. */
  readonly #served = new Map<string, Served>();
  /** Endpoints by URL, as last looked up. */
  readonly #endpoints = new Map<string, readonly GatewayEndpoint[]>();
  readonly #over = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  #drainedGateways = 0;
  #refusal: RunnerRefusedError | null = null;

  constructor(options: ServeGatewaysOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    try {
      await Promise.race([this.#over.promise, this.#keepLooking().then(() => this.#over.promise)]);
    } finally {
      this.#stop.abort();
    }
    if (this.#refusal !== null && this.#drainedGateways === 0) throw this.#refusal;
  }

  async #keepLooking(): Promise<void> {
    const { urls, clock, drain } = this.#options;
    while (!drain.aborted && !this.#stop.signal.aborted) {
      const found = await Promise.all(urls.map((url) => this.#lookUp(url)));
      if (drain.aborted) break;
      this.#serveListed();
      const delayMs = found.every(Boolean) ? lookupEveryMs : lookupRetryMs;
      await rest(clock, delayMs, AbortSignal.any([drain, this.#stop.signal]));
    }
    // Drained, perhaps before any gateway was joined.
    this.#endWhenAllLeft();
  }

  async #lookUp(url: string): Promise<boolean> {
    const { lookup, log } = this.#options;
    try {
      this.#endpoints.set(url, await endpointsOf(url, lookup));
      return true;
    } catch (error) {
      log.warn(
        { gateway: url, error: error instanceof Error ? error.message : String(error) },
        'cannot look up gateways; serving those already known',
      );
      return false;
    }
  }

  /** Starts to serve new endpoints, and forgets those that are gone and have left. */
  #serveListed(): void {
    const listed = new Map(
      [...this.#endpoints.values()].flat().map((endpoint) => [keyOf(endpoint), endpoint]),
    );
    for (const [key, entry] of this.#served) {
      entry.isListed = listed.has(key);
      if (!entry.isListed && entry.state === 'left') this.#served.delete(key);
    }
    for (const [key, endpoint] of listed) {
      if (this.#served.has(key)) continue;
      const entry: Served = { isListed: true, state: 'served' };
      this.#served.set(key, entry);
      this.#keepServing(key, endpoint, entry).catch(this.#over.reject);
    }
  }

  async #keepServing(key: string, endpoint: GatewayEndpoint, entry: Served): Promise<void> {
    const { serve, log } = this.#options;
    const { url, address } = endpoint;
    try {
      await serve(endpoint, () => {
        if (!entry.isListed)
          throw new EndpointGoneError(`${address ?? url} is no longer listed as a gateway.`);
      });
      this.#drainedGateways += 1;
    } catch (error) {
      if (error instanceof EndpointGoneError) {
        log.info({ gateway: url, address }, 'a gateway is gone');
        this.#served.delete(key);
        return;
      }
      if (!(error instanceof RunnerRefusedError)) throw error;
      log.error({ gateway: url, address, reason: error.message }, 'refused by the gateway');
      this.#refusal ??= error;
    }
    entry.state = 'left';
    this.#endWhenAllLeft();
  }

  #endWhenAllLeft(): void {
    const { urls, drain } = this.#options;
    const mayFindMore = !drain.aborted && urls.some((url) => !this.#endpoints.has(url));
    if (!mayFindMore && [...this.#served.values()].every(({ state }) => state === 'left'))
      this.#over.resolve();
  }
}

/** Two URLs that lead to the same port of the same address are one gateway. */
function keyOf({ url, address }: GatewayEndpoint): string {
  const { protocol, hostname, port, pathname } = new URL(url);
  return `${protocol}//${address ?? hostname}:${port}${pathname}`;
}
