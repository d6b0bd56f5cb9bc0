// What all views of the console share: the client with its key, and whether the gateway answers.

import {
  createClient,
  VectorStreamApiError,
  VectorStreamConnectionError,
  type VectorStreamClient,
} from '../../client/client.ts';
import { Store } from '../shared/observable-store.ts';
import type { TabSecret } from '../shared/tab-secrets.ts';

export type SessionState = {
  /** `needed`: the gateway asks for a key. `refused`: it does not accept the one that was given. */
  readonly access: 'open' | 'needed' | 'refused';
  readonly link: 'connecting' | 'live' | 'lost';
  /** When the gateway stopped to answer, UTC ms. */
  readonly lostAt: number | null;
  readonly hasKey: boolean;
  /** Why the gateway refuses what a view shows, such as a key without the scope `read`. */
  readonly refusal: string | null;
  /** Rises with every new client. */
  readonly version: number;
};

export type SessionOptions = {
  readonly url: string;
  /** The API key. */
  readonly secret: TabSecret;
  /** UTC ms. */
  readonly now: () => number;
  readonly connect?: typeof createClient;
};

export class Session {
  readonly store: Store<SessionState>;
  readonly #options: SessionOptions;
  #client: VectorStreamClient;

  constructor(options: SessionOptions) {
    this.#options = options;
    const key = options.secret.read();
    this.store = new Store<SessionState>({
      access: 'open',
      link: 'connecting',
      lostAt: null,
      hasKey: key !== null,
      refusal: null,
      version: 0,
    });
    this.#client = this.#connect(key);
  }

  get client(): VectorStreamClient {
    return this.#client;
  }

  get url(): string {
    return this.#options.url;
  }

  /** `null` forgets the key. */
  useKey(key: string | null): void {
    if (key === null) this.#options.secret.forget();
    else this.#options.secret.write(key);
    this.#client = this.#connect(key);
    this.store.set({
      access: 'open',
      link: 'connecting',
      lostAt: null,
      hasKey: key !== null,
      refusal: null,
      version: this.store.value.version + 1,
    });
  }

  linked(isOpen: boolean): void {
    if (isOpen) this.store.set({ link: 'live', lostAt: null });
    else if (this.store.value.link !== 'lost')
      this.store.set({ link: 'lost', lostAt: this.#options.now() });
  }

  /** Something that a view reads again and again: its refusal is shown until it works. */
  reading(): { readonly works: () => void; readonly fails: (error: unknown) => void } {
    let isRefused = false;
    return {
      works: () => {
        if (isRefused) this.store.set({ refusal: null });
        isRefused = false;
      },
      fails: (error) => {
        const refusal = this.explain(error);
        isRefused = error instanceof VectorStreamApiError && error.status === 403;
        if (isRefused) this.store.set({ refusal });
      },
    };
  }

  /** Notes what an error of a call means for all views; returns what to tell at its place. */
  explain(error: unknown): string {
    if (error instanceof VectorStreamApiError && error.status === 401) {
      this.store.set({ access: this.store.value.hasKey ? 'refused' : 'needed' });
      return 'This gateway asks for an API key.';
    }
    if (error instanceof VectorStreamApiError) return error.detail;
    if (error instanceof VectorStreamConnectionError) return 'The gateway does not answer.';
    return String(error);
  }

  #connect(apiKey: string | null): VectorStreamClient {
    const { url, connect = createClient } = this.#options;
    return connect({ url, attemptsMax: 2, ...(apiKey !== null && { apiKey }) });
  }
}
