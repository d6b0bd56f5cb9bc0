// Decides over every request and every WebSocket before anybody serves it: by name and origin, by
// key and scope, by what the client used already.

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Clock } from '#core/ports.ts';
import { findKey, scopes, type Scope } from '../config/api-keys.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/network.ts';
import type { Problem } from '../http/problem-document.ts';
import { clientAddress, neighbourhood, type ClientAddress } from './client-address.ts';
import type { KeyRing } from './key-ring.ts';
import { originProblem, type Asked } from './origins.ts';
import type { Budget } from './route-rules.ts';
import { TokenBuckets, type Use } from './token-buckets.ts';

/** Who asks. */
export type Client = {
  /** Name of the API key; `null` without one. */
  readonly key: string | null;
  /** IP address; empty when there is no socket. */
  readonly address: string;
  readonly scopes: ReadonlySet<Scope>;
};

export type Caller = {
  readonly socketAddress: string | undefined;
  readonly header: (name: string) => string | undefined;
};

/** What `RateLimit` headers tell. */
export type Limited = Use & { readonly budget: Budget; readonly perMinute: number };

export type AccessOptions = {
  readonly config: Config;
  readonly ring: Pick<KeyRing, 'keys'>;
  readonly clock: Clock;
};

export class Access {
  readonly #options: AccessOptions;
  readonly #addressOf: ClientAddress;
  readonly #used: TokenBuckets;
  readonly #wrongKeys: TokenBuckets;

  constructor(options: AccessOptions) {
    const { config } = options;
    this.#options = options;
    this.#addressOf = clientAddress(config.gateway.trustedProxies);
    this.#used = new TokenBuckets(() => config.rates.clientsMax);
    this.#wrongKeys = new TokenBuckets(() => config.rates.clientsMax);
  }

  /** The check of names and origins, which comes first. */
  screen(asked: Asked): Problem | null {
    const { host, publicHosts, corsOrigins } = this.#options.config.gateway;
    return originProblem({ host, publicHosts, corsOrigins }, asked);
  }

  /** The same for a WebSocket. */
  screenUpgrade({ method = 'GET', headers: { host, origin } }: IncomingMessage): Problem | null {
    return this.screen({ method, isUpgrade: true, host, origin });
  }

  keyNames(): readonly string[] {
    return this.#options.ring.keys().map(({ name }) => name);
  }

  addressOf(caller: Caller): string {
    return this.#addressOf(caller.socketAddress, caller.header('x-forwarded-for'));
  }

  /** Anybody, where no key is asked for. */
  anonymous(caller: Caller): Client {
    return { key: null, address: this.addressOf(caller), scopes: new Set() };
  }

  /** The client whose key this is; else the answer that it gets. */
  identify(caller: Caller): Client | Problem {
    const keys = this.#options.ring.keys();
    const address = this.addressOf(caller);
    if (keys.length === 0) {
      const bringsOthers = (caller.header('x-forwarded-for') ?? '')
        .split(',')
        .some((hop) => isIP(hop.trim()) !== 0 && !isLoopback(hop.trim()));
      if (bringsOthers)
        return {
          status: 403,
          code: 'proxy_without_key',
          detail:
            'A proxy brings requests of other machines to this gateway, which has no API key: set VECTORSTREAM_API_KEY.',
        };
      return { key: null, address, scopes: new Set(scopes) };
    }
    const sent = sentKey(caller);
    if (sent === null)
      return {
        status: 401,
        code: 'api_key_missing',
        detail: 'An API key is needed: send it as Authorization: Bearer KEY or as X-API-Key.',
      };
    const refused = this.guessing('key', address);
    if (refused !== null) return refused;
    const key = findKey(keys, sent);
    if (key === null) {
      this.guessedWrong('key', address);
      return { status: 401, code: 'api_key_wrong', detail: 'The API key is wrong.' };
    }
    return { key: key.name, address, scopes: key.scopes };
  }

  /** `null`: it may. */
  missingScope({ key, scopes: granted }: Client, scope: Scope): Problem | null {
    if (granted.has(scope)) return null;
    return {
      status: 403,
      code: 'scope_missing',
      detail: `The API key ${key} does not have the scope ${scope}, which this needs; it has ${[...granted].join(', ')}.`,
    };
  }

  /** Whoever sent too many wrong keys or tokens is not even compared, so that guessing has an end. */
  guessing(what: 'key' | 'runner', address: string): Problem | null {
    const { ok, oneInS } = this.#wrongKeys.look(
      `${what} ${neighbourhood(address)}`,
      this.#options.config.rates.wrongKeysPerMinute,
      this.#now(),
    );
    if (ok) return null;
    return {
      status: 429,
      code: 'too_many_wrong_keys',
      detail: 'Too many wrong keys came from this address: wait as Retry-After says.',
      retryAfter: Math.max(1, oneInS),
    };
  }

  guessedWrong(what: 'key' | 'runner', address: string): void {
    this.#wrongKeys.charge(
      `${what} ${neighbourhood(address)}`,
      this.#options.config.rates.wrongKeysPerMinute,
      1,
      this.#now(),
    );
  }

  /** Counts one use; `null` where nothing is limited. */
  use(client: Client, budget: Budget): Limited | null {
    const perMinute = this.#perMinute(budget);
    return perMinute === null
      ? null
      : {
          ...this.#used.use(bucketOf(client, budget), perMinute, 1, this.#now()),
          budget,
          perMinute,
        };
  }

  /** What a request turned out to hold beyond the one unit that it was counted as: events, texts. */
  charge(client: Client, budget: Budget, units: number): void {
    const perMinute = this.#perMinute(budget);
    if (perMinute !== null && units > 0)
      this.#used.charge(bucketOf(client, budget), perMinute, units, this.#now());
  }

  #perMinute(budget: Budget): number | null {
    const {
      config: { gateway, rates },
    } = this.#options;
    if (rates.apply === 'never' || (rates.apply === 'auto' && isLoopback(gateway.host)))
      return null;
    const { readsPerMinute, searchesPerMinute, eventsPerMinute, adminPerMinute } = rates;
    return {
      reads: readsPerMinute,
      searches: searchesPerMinute,
      events: eventsPerMinute,
      admin: adminPerMinute,
    }[budget];
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

export const isProblem = (answer: Client | Problem): answer is Problem => 'status' in answer;

const bucketOf = ({ key, address }: Client, budget: Budget): string =>
  `${budget} ${key ?? ''} ${neighbourhood(address)}`;

function sentKey({ header }: Caller): string | null {
  return (
    header('x-api-key') ?? /^Bearer +(\S+) *$/i.exec(header('authorization') ?? '')?.[1] ?? null
  );
}
