// Decides whether a request or a WebSocket is served: by host name and origin, by API key and
// scope, and by the client's remaining budget.

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Clock } from '#core/ports.ts';
import { findKey, scopes, type Scope } from '../config/api-keys.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/network.ts';
import type { Problem } from '../http/problem-document.ts';
import { addressBlock, clientAddress, type ClientAddress } from './client-address.ts';
import type { KeyRing } from './key-ring.ts';
import { originProblem, type RequestOrigin } from './origins.ts';
import type { Budget } from './route-rules.ts';
import { TokenBuckets, type Use } from './token-buckets.ts';

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

/** What the `RateLimit` headers report. */
export type BudgetUse = Use & { readonly budget: Budget; readonly perMinute: number };

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

  /** Checks the host name and the origin. This check comes first; `null`: no objection. */
  screen(request: RequestOrigin): Problem | null {
    const { host, publicHosts, corsOrigins } = this.#options.config.gateway;
    return originProblem({ host, publicHosts, corsOrigins }, request);
  }

  /** The same for a WebSocket upgrade. */
  screenUpgrade({ method = 'GET', headers: { host, origin } }: IncomingMessage): Problem | null {
    return this.screen({ method, isUpgrade: true, host, origin });
  }

  keyNames(): readonly string[] {
    return this.#options.ring.keys().map(({ name }) => name);
  }

  addressOf(caller: Caller): string {
    return this.#addressOf(caller.socketAddress, caller.header('x-forwarded-for'));
  }

  /** The client of a path that needs no key. */
  anonymous(caller: Caller): Client {
    return { key: null, address: this.addressOf(caller), scopes: new Set() };
  }

  /** The client that the key belongs to, or the problem to answer with. */
  identify(caller: Caller): Client | Problem {
    const keys = this.#options.ring.keys();
    const address = this.addressOf(caller);
    if (keys.length === 0) {
      const forwardsOthers = (caller.header('x-forwarded-for') ?? '')
        .split(',')
        .some((hop) => isIP(hop.trim()) !== 0 && !isLoopback(hop.trim()));
      if (forwardsOthers)
        return {
          status: 403,
          code: 'proxy_without_key',
          detail:
            'A proxy forwards requests of other machines to this gateway, ' +
            'which has no API key: set VECTORSTREAM_API_KEY.',
        };
      return { key: null, address, scopes: new Set(scopes) };
    }
    const sent = sentKey(caller);
    if (sent === null)
      return {
        status: 401,
        code: 'api_key_missing',
        detail: 'An API key is required: send it as Authorization: Bearer KEY or as X-API-Key.',
      };
    const key = findKey(keys, sent);
    if (key !== null) return { key: key.name, address, scopes: key.scopes };
    return (
      this.wrongGuess('key', address) ?? {
        status: 401,
        code: 'api_key_wrong',
        detail: 'The API key is wrong.',
      }
    );
  }

  /** `null`: the client's key has the scope. */
  missingScope({ key, scopes: granted }: Client, scope: Scope): Problem | null {
    if (granted.has(scope)) return null;
    return {
      status: 403,
      code: 'scope_missing',
      detail:
        `This needs the scope ${scope}, which the API key ${key} does not have; ` +
        `it has ${[...granted].join(', ')}.`,
    };
  }

  /**
   * Counts a wrong key or token. Returns 429 after too many of one address: clients that share it
   * with a guesser are not kept out, because a right key is never counted.
   */
  wrongGuess(kind: 'key' | 'runner', address: string): Problem | null {
    const { ok, oneInS } = this.#wrongKeys.use(
      `${kind} ${addressBlock(address)}`,
      this.#options.config.rates.wrongKeysPerMinute,
      1,
      this.#now(),
    );
    if (ok) return null;
    return {
      status: 429,
      code: 'too_many_wrong_keys',
      detail: 'Too many wrong keys came from this address: wait as long as Retry-After says.',
      retryAfter: Math.max(1, oneInS),
    };
  }

  /** Counts one use; `null` when nothing is limited. */
  use(client: Client, budget: Budget): BudgetUse | null {
    const perMinute = this.#perMinute(budget);
    return perMinute === null
      ? null
      : {
          ...this.#used.use(bucketOf(client, budget), perMinute, 1, this.#now()),
          budget,
          perMinute,
        };
  }

  /** Charges what a request holds beyond the one unit that `use` has counted: events or texts. */
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
  `${budget} ${key ?? ''} ${addressBlock(address)}`;

function sentKey({ header }: Caller): string | null {
  return (
    header('x-api-key') ?? /^Bearer +(\S+) *$/i.exec(header('authorization') ?? '')?.[1] ?? null
  );
}
