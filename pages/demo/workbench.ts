// Embeds a list and searches it with one session: queries go before the rest of the list, and what
// is there can be searched at once.

import type { EmbedderInfo, EmbedOutcome } from '#core/ports.ts';
import type { Embedding, EmbeddingRequest } from '../shared/embedding/embedding-client.ts';
import type { LoadProgress } from '../shared/embedding/worker-messages.ts';
import { nearest, type Hit } from './nearest-products.ts';
import { Store } from './observable-store.ts';
import type { ListedProduct } from './product-list.ts';

export const hitsMax = 6;
export const queryCharsMax = 500;

/** Where a session may run, in order of preference. */
export type SessionChoice = Pick<EmbeddingRequest, 'device' | 'dtype'> & {
  /** What the model wants before each text, see its manifest; '' for most. */
  readonly prefixes: { readonly query: string; readonly passage: string };
};

export type Workbench = {
  readonly phase:
    /** Nothing was asked for. */
    | 'idle'
    /** A worker loads the model and proves its vectors. */
    | 'loading'
    | 'embedding'
    /** Every product has its vector, or has been refused one. */
    | 'ready'
    /** No session can be had; `trouble` says why. */
    | 'failed';
  readonly products: readonly ListedProduct[];
  /** One per product; `null` as long as it has none. */
  readonly vectors: readonly (Float32Array | null)[];
  /** Products that the model cannot embed. */
  readonly refused: number;
  readonly progress: LoadProgress | null;
  readonly session: EmbedderInfo | null;
  /** Of the list's texts, while they are and after they were embedded. */
  readonly speed: { readonly textsPerSecond: number; readonly msPerText: number } | null;
  /** What went wrong and what was done about it, in plain words. */
  readonly trouble: string | null;
  readonly query: string;
  readonly queryVector: Float32Array | null;
  readonly hits: readonly Hit[];
};

export type WorkbenchParts = {
  readonly start: (request: EmbeddingRequest, signal?: AbortSignal) => Promise<Embedding>;
  /** What is worth trying in this browser, best first; never empty. */
  readonly choices: () => Promise<readonly SessionChoice[]>;
  /** Milliseconds, never going back. */
  readonly now: () => number;
};

const nothing: Workbench = {
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
 * A batch is this much work: long enough to be worth its way to the worker, short enough that a
 * query does not wait.
 */
const batchMs = 150;
const [batchMin, batchMax] = [4, 64];

export class WorkbenchEngine {
  readonly store = new Store<Workbench>(nothing);
  readonly #parts: WorkbenchParts;
  #embedding: Promise<Embedding> | null = null;
  /** Vectors of this list by text: one that was edited is not embedded again as a whole. */
  #known = new Map<string, Float32Array>();
  /** One after the other to the worker; a query puts itself before the next batch. */
  #waitingQuery: string | null = null;
  #isWorking = false;
  #prefixes: SessionChoice['prefixes'] = { query: '', passage: '' };
  #queue: { readonly indices: readonly number[]; at: number; spentMs: number } | null = null;

  constructor(parts: WorkbenchParts) {
    this.#parts = parts;
  }

  /**
   * Takes a list in place of the one before, and embeds what of it has no vector yet. Resolves when
   * that is done or has failed.
   */
  async embed(products: readonly ListedProduct[]): Promise<void> {
    const vectors = products.map(({ text }) => this.#known.get(text) ?? null);
    this.#known = new Map(
      products.flatMap(({ text }, index) =>
        vectors[index] ? [[text, vectors[index]] as const] : [],
      ),
    );
    const indices = vectors.flatMap((vector, index) => (vector === null ? [index] : []));
    this.#queue = indices.length === 0 ? null : { indices, at: 0, spentMs: 0 };
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
   * Searches as soon as a session is there; of queries that come meanwhile only the last counts. An
   * empty one clears.
   */
  async search(query: string): Promise<void> {
    const text = query.trim().slice(0, queryCharsMax);
    this.#waitingQuery = text === '' ? null : text;
    if (text === '') this.store.set({ query: '', queryVector: null, hits: [] });
    else await this.#work();
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
      this.store.set({ phase: 'failed', progress: null, session: null, trouble: reasonOf(error) });
    } finally {
      this.#isWorking = false;
    }
  }

  /** The first session that starts. Throws the last one's reason when none does. */
  async #open(): Promise<Embedding> {
    this.store.set({ phase: 'loading', progress: null, session: null });
    const choices = await this.#parts.choices();
    let failure: unknown = null;
    for (const { device, dtype, prefixes } of choices) {
      try {
        const embedding = await this.#parts.start({
          device,
          dtype,
          threads: 0,
          measureMs: 0,
          onProgress: (progress) => this.store.set({ progress }),
        });
        this.#prefixes = prefixes;
        this.store.set({
          session: embedding.info,
          progress: null,
          ...(failure !== null && { trouble: `${reasonOf(failure)} ${nameOf(device)} took over.` }),
        });
        return embedding;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /**
   * A worker that failed is never used again. One in a row may be replaced; a second has its reason
   * in what it is given.
   */
  #failures = 0;
  async #replace(error: unknown): Promise<void> {
    this.#failures += 1;
    this.dispose();
    if (this.#failures > 1) throw error;
    this.store.set({ trouble: `${reasonOf(error)} A fresh worker took over.` });
  }

  async #next(embedding: Embedding): Promise<void> {
    const query = this.#waitingQuery;
    if (query === null) return this.#nextBatch(embedding);
    const [outcome] = await embedding.embed([this.#prefixes.query + query]);
    this.#failures = 0;
    // Another may have been typed meanwhile; that one's answer is on its way.
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
        Math.floor(queue.spentMs === 0 ? 0 : (queue.at * batchMs) / queue.spentMs),
      ),
    );
    const indices = queue.indices.slice(queue.at, queue.at + size);
    this.store.set({ phase: 'embedding' });
    const startedAt = this.#parts.now();
    const outcomes = await embedding.embed(
      indices.map((index) => this.#prefixes.passage + (products[index]?.text ?? '')),
    );
    this.#failures = 0;
    // A newer list came meanwhile.
    if (queue !== this.#queue) return;
    queue.at += indices.length;
    queue.spentMs += Math.max(0.1, this.#parts.now() - startedAt);
    this.#take(indices, outcomes, queue);
    if (queue.at < queue.indices.length) return;
    this.#queue = null;
    this.store.set({ phase: this.#restPhase() });
  }

  #take(
    indices: readonly number[],
    outcomes: readonly EmbedOutcome[],
    { at: done, spentMs }: { readonly at: number; readonly spentMs: number },
  ): void {
    const { products, refused, queryVector } = this.store.value;
    const vectors = [...this.store.value.vectors];
    indices.forEach((index, position) => {
      const outcome = outcomes[position];
      if (!outcome?.ok) return;
      vectors[index] = outcome.vector;
      this.#known.set(products[index]?.text ?? '', outcome.vector);
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

export const nameOf = (device: string): string =>
  ({ webgpu: 'WebGPU', wasm: 'WebAssembly' })[device] ?? device;

/** What does the work: `NVIDIA Ampere`, `the processor, 4 threads`. */
export function placeOf({ adapter, softwareAdapter }: EmbedderInfo): string {
  return softwareAdapter
    ? `${adapter}: a GPU emulated by the processor`
    : adapter.replace(/^WebAssembly/, 'the processor');
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
