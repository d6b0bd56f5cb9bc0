// Keeps a runner joined to every gateway that its addresses stand for, while gateways are added and
// go.

import type { Clock } from '#core/ports.ts';
import { RunnerRefusedError } from '#core/protocol/runner-connection.ts';
import { placesBehind, type Lookup, type GatewayEndpoint } from './gateway-addresses.ts';
import type { Log } from './node-runner-log.ts';

/** To dial a place that is no longer behind any address. */
class PlaceGoneError extends Error {
  override readonly name = 'PlaceGoneError';
}

export type ServeGatewaysOptions = {
  readonly urls: readonly string[];
  readonly lookup: Lookup;
  /**
   * Stays joined to one gateway. Resolves once drained. It calls `dial` before each attempt to
   * connect, which throws `PlaceGoneError`, to be thrown on, when there is no use. Throws
   * `RunnerRefusedError` when this gateway wants no such runner.
   */
  readonly serve: (place: GatewayEndpoint, dial: () => void) => Promise<void>;
  readonly clock: Clock;
  readonly drain: AbortSignal;
  readonly log: Log;
};

/** `left`: drained by its gateway, or refused; not dialled again while it is listed. */
type Served = { isListed: boolean; state: 'served' | 'left' };

const lookupEveryMs = 10_000;
const lookupAgainMs = 1_000;

/**
 * Resolves once drained, by whichever side. A name that has new addresses has new gateways; an
 * address that its name no longer has is not dialled again, but a connection that is open stays: a
 * name server may forget for a moment. Throws when every gateway refused this runner, and whatever
 * else `serve` throws.
 */
export async function serveGateways({
  urls,
  lookup,
  serve,
  clock,
  drain,
  log,
}: ServeGatewaysOptions): Promise<void> {
  const served = new Map<string, Served>();
  const placesOf = new Map<string, readonly GatewayEndpoint[]>();
  const over = Promise.withResolvers<void>();
  const stop = new AbortController();
  let leftInOrder = 0;
  let refusal: RunnerRefusedError | null = null;

  const look = async (url: string): Promise<boolean> => {
    try {
      placesOf.set(url, await placesBehind(url, lookup));
      return true;
    } catch (error) {
      log.warn(
        { gateway: url, error: error instanceof Error ? error.message : String(error) },
        'gateways cannot be found; those that are known are served',
      );
      return false;
    }
  };

  const keepServing = async (key: string, place: GatewayEndpoint, entry: Served): Promise<void> => {
    try {
      await serve(place, () => {
        if (!entry.isListed)
          throw new PlaceGoneError(`${place.address ?? place.url} is no gateway any more.`);
      });
      leftInOrder += 1;
    } catch (error) {
      if (error instanceof PlaceGoneError) {
        log.info({ gateway: place.url, address: place.address }, 'a gateway is gone');
        served.delete(key);
        return;
      }
      if (!(error instanceof RunnerRefusedError)) throw error;
      log.error(
        { gateway: place.url, address: place.address, reason: error.message },
        'refused by the gateway',
      );
      refusal ??= error;
    }
    entry.state = 'left';
    endWhenAllLeft();
  };

  const endWhenAllLeft = (): void => {
    const mayFindMore = !drain.aborted && urls.some((url) => !placesOf.has(url));
    if (!mayFindMore && [...served.values()].every(({ state }) => state === 'left')) over.resolve();
  };

  const follow = (): void => {
    const listed = new Map([...placesOf.values()].flat().map((place) => [keyOf(place), place]));
    for (const [key, entry] of served) {
      entry.isListed = listed.has(key);
      if (!entry.isListed && entry.state === 'left') served.delete(key);
    }
    for (const [key, place] of listed) {
      if (served.has(key)) continue;
      const entry: Served = { isListed: true, state: 'served' };
      served.set(key, entry);
      keepServing(key, place, entry).catch(over.reject);
    }
  };

  const keepLooking = async (): Promise<void> => {
    while (!drain.aborted && !stop.signal.aborted) {
      const found = await Promise.all(urls.map(look));
      if (drain.aborted) break;
      follow();
      const delayMs = found.every(Boolean) ? lookupEveryMs : lookupAgainMs;
      await clock.sleep(delayMs, AbortSignal.any([drain, stop.signal])).catch(() => undefined);
    }
    // Drained, perhaps before anything was joined.
    endWhenAllLeft();
  };

  try {
    await Promise.race([over.promise, keepLooking().then(() => over.promise)]);
  } finally {
    stop.abort();
  }
  if (refusal !== null && leftInOrder === 0) throw refusal;
}

/** Two URLs that lead to the same port of the same address are one gateway. */
function keyOf({ url, address }: GatewayEndpoint): string {
  const { protocol, hostname, port, pathname } = new URL(url);
  return `${protocol}//${address ?? hostname}:${port}${pathname}`;
}
