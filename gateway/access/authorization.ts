// Decides whether a request or a WebSocket is served: by host name and origin, by API key and
// scope, and by the client's remaining budget.

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Clock } from '#core/ports.ts';
import { areForPages, findKey, grants, namesOf, scopes, type Scope } from '../config/api-keys.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/network.ts';
import type { Problem } from '../http/problem-document.ts';
import { addressBlock, clientAddress, type ClientAddress } from './client-address.ts';
import type { KeyRing } from './key-ring.ts';
import { isOwnOrigin, originProblem, originRefused, type RequestOrigin } from './origins.ts';
import type { Budget } from './route-scopes.ts';
import { TokenBuckets, type Use } from './token-buckets.ts';

export type Client = {
  /** Name of the API key; `null` without one. */
  readonly key: string | null;
  /** IP address; empty when there is no socket. */
  readonly address: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Origins of its key (see `ApiKey`). */
  readonly origins: readonly string[];
};

export type Caller = {
  readonly socketAddress: string | undefined;
  readonly header: (name: string) => string | undefined;
};

/** What the `RateLimit` headers report. */
export type BudgetUse = Use & { readonly budget: Budget; readonly perMinute: number };

type Bucket = { readonly bucket: string; readonly perMinute: number };

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
    const { host, publicHosts } = this.#options.config.gateway;
    return originProblem({ host, publicHosts, allowed: this.origins() }, request);
  }

  /** The origins of other pages that may use this gateway, by some key or by all. */
  origins(): readonly string[] {
    const { ring, config } = this.#options;
    return [...config.gateway.corsOrigins, ...ring.keys().flatMap(({ origins }) => origins)];
  }

  /** `null`: a page of this origin may use the client's key; `host`: the request's Host header. */
  foreignKey(client: Client, origin: string | undefined, host: string): Problem | null {
    if (origin === undefined || isOwnOrigin(origin, host)) return null;
    const { corsOrigins } = this.#options.config.gateway;
    const allowed = client.origins.length > 0 ? client.origins : corsOrigins;
    // Other keys are not public. Their pages are screened, and CORS hides answers from the rest.
    const isBound = client.origins.length > 0 || areForPages(client.scopes);
    const isLetIn = isBound || this.origins().includes(origin.toLowerCase());
    return isLetIn && !allowed.includes(origin.toLowerCase())
      ? originRefused(origin, `may not use the API key ${client.key}`)
      : null;
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
    return { key: null, address: this.addressOf(caller), scopes: new Set(), origins: [] };
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
      return { key: null, address, scopes: new Set(scopes), origins: [] };
    }
    const sent = sentKey(caller);
    if (sent === null)
      return {
        status: 401,
        code: 'api_key_missing',
        detail: 'An API key is required: send it as Authorization: Bearer KEY or as X-API-Key.',
      };
    const key = findKey(keys, sent);
    if (key !== null) return { key: key.name, address, scopes: key.scopes, origins: key.origins };
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
    if (grants(granted, scope)) return null;
    return {
      status: 403,
      code: 'scope_missing',
      detail:
        `This needs the scope ${namesOf(scope)}, which the API key ${key} does not have; ` +
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
    let used: BudgetUse | null = null;
    for (const { bucket, perMinute } of this.#bucketsOf(client, budget)) {
      used = { ...this.#used.use(bucket, perMinute, 1, this.#now()), budget, perMinute };
      if (!used.ok) return used;
    }
    return used;
  }

  /** Charges what a request holds beyond the one unit that `use` has counted: events or texts. */
  charge(client: Client, budget: Budget, units: number): void {
    if (units <= 0) return;
    for (const { bucket, perMinute } of this.#bucketsOf(client, budget))
      this.#used.charge(bucket, perMinute, units, this.#now());
  }

  /** The wider one first: the last one is reported. Empty when nothing is limited. */
  #bucketsOf(client: Client, budget: Budget): readonly Bucket[] {
    const {
      config: { gateway, rates },
    } = this.#options;
    if (rates.apply === 'never') return [];
    const visitor = `${budget} ${client.key ?? ''} ${addressBlock(client.address)}`;
    if (areForPages(client.scopes) && (budget === 'searches' || budget === 'events')) {
      const { pageSearchesPerMinute, pageEventsPerMinute, siteEventsPerMinute } = rates;
      if (budget === 'searches') return [{ bucket: visitor, perMinute: pageSearchesPerMinute }];
      return [
        { bucket: `${budget} ${client.key}`, perMinute: siteEventsPerMinute },
        { bucket: visitor, perMinute: pageEventsPerMinute },
      ];
    }
    if (rates.apply === 'auto' && isLoopback(gateway.host)) return [];
    const { readsPerMinute, searchesPerMinute, eventsPerMinute, adminPerMinute } = rates;
    const perMinute = {
      reads: readsPerMinute,
      searches: searchesPerMinute,
      events: eventsPerMinute,
      admin: adminPerMinute,
    }[budget];
    return [{ bucket: visitor, perMinute }];
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

export const isProblem = (answer: Client | Problem): answer is Problem => 'status' in answer;

function sentKey({ header }: Caller): string | null {
  return (
    header('x-api-key') ?? /^Bearer +(\S+) *$/i.exec(header('authorization') ?? '')?.[1] ?? null
  );
}
