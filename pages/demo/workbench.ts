// Embeds a list and searches it with one session: a query goes before the rest of the list, and
// products can be searched as soon as they are embedded.

import { at } from '#core/errors/assert.ts';
import type { EmbedderInfo, EmbedOutcome } from '#core/ports.ts';
import type { Embedding, EmbeddingRequest } from '../shared/embedding/embedding-client.ts';
import type { LoadProgress } from '../shared/embedding/worker-messages.ts';
import { Store } from '../shared/observable-store.ts';
import { deviceName, messageOf } from './describe-session.ts';
import { nearest, type Hit } from './nearest-products.ts';
import type { ListedProduct } from './product-list.ts';

export const hitsMax = 6;
export const queryCharsMax = 500;

/** How a session may run. */
export type SessionChoice = Pick<EmbeddingRequest, 'device' | 'dtype'> & {
  /** What the model expects before each text, from its manifest; '' for most models. */
  readonly prefixes: { readonly query: string; readonly passage: string };
};

export type Workbench = {
  readonly phase:
    /** There is no list yet. */
    | 'idle'
    /** A worker loads the model and proves its vectors. */
    | 'loading'
    | 'embedding'
    /** Every product has its vector, or was refused by the model. */
    | 'ready'
    /** No session could be started; `trouble` says why. */
    | 'failed';
  readonly products: readonly ListedProduct[];
  /** One per product; `null` until it is embedded. */
  readonly vectors: readonly (Float32Array | null)[];
  /** The number of products that the model cannot embed. */
  readonly refused: number;
  readonly progress: LoadProgress | null;
  readonly session: EmbedderInfo | null;
  /** Measured on the list, while it is embedded and afterwards. */
  readonly speed: { readonly textsPerSecond: number; readonly msPerText: number } | null;
  /** What went wrong and what was done about it, in plain words. */
  readonly trouble: string | null;
  readonly query: string;
  readonly queryVector: Float32Array | null;
  readonly hits: readonly Hit[];
};

export type WorkbenchDependencies = {
  readonly start: (request: EmbeddingRequest, signal?: AbortSignal) => Promise<Embedding>;
  /** What is worth trying in this browser, best first; never empty. */
  readonly choices: () => Promise<readonly SessionChoice[]>;
  /** Monotonic time in ms. */
  readonly now: () => number;
};

const empty: Workbench = {
  phase: 'idle',
  products: [],
  vectors: [],
  refused: 0,
  progress: null,
  session: null,
  speed: null,
  trouble: null,
  query: '',
  queryVector: null,
  hits: [],
};

/**
 * How long a batch should take: long enough that sending it to the worker pays off, short enough
 * that a query does not have to wait.
 */
const batchMs = 150;
const [batchMin, batchMax] = [4, 64];

export class WorkbenchEngine {
  readonly store = new Store<Workbench>(empty);
  readonly #dependencies: WorkbenchDependencies;
  #embedding: Promise<Embedding> | null = null;
  /** The list's vectors by text: after an edit, only new texts are embedded. */
  #known = new Map<string, Float32Array>();
  /** The worker gets one call at a time; a waiting query goes before the next batch. */
  #waitingQuery: string | null = null;
  #isWorking = false;
  #prefixes: SessionChoice['prefixes'] = { query: '', passage: '' };
  /** The products to embed, how many are done, and the time that these took. */
  #queue: { readonly indices: readonly number[]; done: number; spentMs: number } | null = null;
  /** Failures in a row. */
  #failures = 0;

  constructor(dependencies: WorkbenchDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Replaces the list, and embeds the products that have no vector yet. Resolves when that is done
   * or has failed.
   */
  async embed(products: readonly ListedProduct[]): Promise<void> {
    const vectors = products.map(({ text }) => this.#known.get(text) ?? null);
    this.#known = new Map(
      products.flatMap(({ text }, index) =>
        vectors[index] ? [[text, vectors[index]] as const] : [],
      ),
    );
    const indices = vectors.flatMap((vector, index) => (vector === null ? [index] : []));
    this.#queue = indices.length === 0 ? null : { indices, done: 0, spentMs: 0 };
    this.store.set({
      products,
      refused: 0,
      trouble: null,
      ...this.#ranked(vectors, this.store.value.queryVector),
    });
    if (indices.length === 0) this.store.set({ phase: this.#restPhase() });
    await this.#work();
  }

  /**
   * Searches as soon as there is a session. A later query replaces one that still waits; an empty
   * one clears the results.
   */
  async search(query: string): Promise<void> {
    const text = query.trim().slice(0, queryCharsMax);
    this.#waitingQuery = text === '' ? null : text;
    if (text === '') this.store.set({ query: '', queryVector: null, hits: [] });
    else await this.#work();
  }

  /** The proven session, if it runs in this way. The borrower cannot end it. `null`: none does. */
  async borrowSession({
    device,
    dtype,
  }: Pick<EmbeddingRequest, 'device' | 'dtype'>): Promise<Embedding | null> {
    const embedding = await this.#embedding?.catch(() => null);
    return embedding?.info.device === device && embedding.info.dtype === dtype
      ? { ...embedding, dispose: () => undefined }
      : null;
  }

  dispose(): void {
    void this.#embedding?.then(
      (embedding) => embedding.dispose(),
      () => undefined,
    );
    this.#embedding = null;
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    try {
      while (this.#waitingQuery !== null || this.#queue !== null) {
        const embedding = await (this.#embedding ??= this.#open());
        await this.#next(embedding).catch((error: unknown) => this.#replace(error));
      }
    } catch (error) {
      this.#embedding = null;
      this.#waitingQuery = null;
      this.#queue = null;
      this.#failures = 0;
      this.store.set({ phase: 'failed', progress: null, session: null, trouble: messageOf(error) });
    } finally {
      this.#isWorking = false;
    }
  }

  /** The first session that starts. Throws the error of the last choice when none does. */
  async #open(): Promise<Embedding> {
    this.store.set({ phase: 'loading', progress: null, session: null });
    const choices = await this.#dependencies.choices();
    let failure: unknown = null;
    for (const { device, dtype, prefixes } of choices) {
      try {
        const embedding = await this.#dependencies.start({
          device,
          dtype,
          threads: 0,
          // The list itself shows the speed.
          measureMs: null,
          onProgress: (progress) => this.store.set({ progress }),
        });
        this.#prefixes = prefixes;
        this.store.set({
          session: embedding.info,
          progress: null,
          ...(failure !== null && {
            trouble: `${messageOf(failure)} ${deviceName(device)} took over.`,
          }),
        });
        return embedding;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /**
   * A worker that failed is never used again. A fresh one replaces it once; when that fails too,
   * the texts themselves are the likely cause.
   */
  async #replace(error: unknown): Promise<void> {
    this.#failures += 1;
    this.dispose();
    if (this.#failures > 1) throw error;
    this.store.set({ trouble: `${messageOf(error)} A fresh worker took over.` });
  }

  async #next(embedding: Embedding): Promise<void> {
    const query = this.#waitingQuery;
    if (query === null) return this.#nextBatch(embedding);
    const [outcome] = await embedding.embed([this.#prefixes.query + query]);
    this.#failures = 0;
    // A later query was typed meanwhile: it is answered next.
    if (this.#waitingQuery !== query) return undefined;
    this.#waitingQuery = null;
    if (outcome?.ok)
      this.store.set({
        query,
        ...this.#ranked(this.store.value.vectors, outcome.vector),
        ...(this.#queue === null && { phase: this.#restPhase() }),
      });
    else
      this.store.set({
        query,
        queryVector: null,
        hits: [],
        trouble: `The query cannot be embedded: ${outcome?.message ?? 'no answer'}.`,
      });
    return undefined;
  }

  async #nextBatch(embedding: Embedding): Promise<void> {
    const queue = this.#queue;
    if (queue === null) return;
    const { products } = this.store.value;
    const size = Math.min(
      batchMax,
      Math.max(
        batchMin,
        Math.floor(queue.spentMs === 0 ? 0 : (queue.done * batchMs) / queue.spentMs),
      ),
    );
    const indices = queue.indices.slice(queue.done, queue.done + size);
    this.store.set({ phase: 'embedding' });
    const startedAt = this.#dependencies.now();
    const outcomes = await embedding.embed(
      indices.map((index) => this.#prefixes.passage + at(products, index).text),
    );
    this.#failures = 0;
    // A newer list has replaced this one.
    if (queue !== this.#queue) return;
    queue.done += indices.length;
    queue.spentMs += Math.max(0.1, this.#dependencies.now() - startedAt);
    this.#take(indices, outcomes, queue);
    if (queue.done < queue.indices.length) return;
    this.#queue = null;
    this.store.set({ phase: this.#restPhase() });
  }

  #take(
    indices: readonly number[],
    outcomes: readonly EmbedOutcome[],
    { done, spentMs }: { readonly done: number; readonly spentMs: number },
  ): void {
    const { products, refused, queryVector } = this.store.value;
    const vectors = [...this.store.value.vectors];
    indices.forEach((index, position) => {
      const outcome = outcomes[position];
      if (!outcome?.ok) return;
      vectors[index] = outcome.vector;
      this.#known.set(at(products, index).text, outcome.vector);
    });
    const failed = outcomes.filter(({ ok }) => !ok).length;
    this.store.set({
      speed: { textsPerSecond: (done * 1000) / spentMs, msPerText: spentMs / done },
      refused: refused + failed,
      ...this.#ranked(vectors, queryVector),
    });
  }

  #restPhase(): 'idle' | 'ready' {
    return this.store.value.products.length === 0 ? 'idle' : 'ready';
  }

  #ranked(
    vectors: Workbench['vectors'],
    queryVector: Float32Array | null,
  ): Pick<Workbench, 'vectors' | 'queryVector' | 'hits'> {
    return {
      vectors,
      queryVector,
      hits: queryVector === null ? [] : nearest(vectors, queryVector, hitsMax),
    };
  }
}
