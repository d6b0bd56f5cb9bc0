// Ensures that a text is in the store with a real vector, computed at most once however many events
// carry it.
//
//     known or shared? ─no─► in the store? ─no─► embed ──► write ──► stored
//                                                  ▲         │
//                                                  └─────────┘ the runner was found wrong meanwhile

import { BoundedMap } from '#core/collections/bounded-map.ts';
import type {
  Clock,
  DeadLetterReason,
  Document,
  EmbeddingService,
  FleetResult,
  ProductEvent,
  Provenance,
  TextRecord,
  VectorStore,
} from '#core/ports.ts';
import { type BatchLimits, createBatchedCalls } from './batched-calls.ts';
import type { Guard } from './dependency-guard.ts';
import { KnownTexts } from './known-texts.ts';
import type { PipelineObserver } from './pipeline-observer.ts';
import { embedUnlessStored } from './shared-embedding.ts';
import { createTextWriter } from './text-writer.ts';

export type TextOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: DeadLetterReason;
      readonly message: string;
      readonly attempts: number;
      readonly runner: string | null;
    };

/** A document, or the text of a product of the catalogue. */
export type TextToStore = Omit<Document, 'event'> & {
  readonly event: Pick<ProductEvent, 'product'>;
};

export type TextResolverOptions = {
  readonly store: VectorStore;
  readonly embedding: EmbeddingService;
  readonly guard: Guard;
  readonly clock: Clock;
  /** See `SharedEmbeddingOptions`. */
  readonly random: () => number;
  readonly limits: BatchLimits & {
    readonly knownTextsMax: number;
    readonly knownTextAgeMsMax: number;
  };
  readonly observer: Pick<PipelineObserver, 'cacheRequest' | 'storeWrite'>;
  /**
   * Whether this runner session was found wrong after it computed the vector. Such a vector is not
   * stored, and the text is embedded again.
   */
  readonly isDistrusted: (provenance: Provenance) => boolean;
  /** Ends the wait for a runner. A text that is already embedded is still written. */
  readonly signal: AbortSignal;
};

export type TextResolver = {
  /**
   * Resolves when the text is applied in the store, or with the reason why it cannot be. Rejects
   * with the signal's reason. For a text that is known, there is nothing to wait for.
   */
  readonly ensure: (text: TextToStore) => TextOutcome | Promise<TextOutcome>;
  /** The store no longer has this text. */
  forget(textId: string): void;
};

export function createTextResolver(options: TextResolverOptions): TextResolver {
  const { clock, limits, observer } = options;
  const known = new KnownTexts<TextOutcome>({
    get entriesMax() {
      return limits.knownTextsMax;
    },
    ttlMs: limits.knownTextAgeMsMax,
    succeeded: ({ ok }) => ok,
  });
  // A text that makes runners fail must not do so again with every event that carries it.
  const failures = new BoundedMap<string, { outcome: TextOutcome; until: number }>(
    () => failuresMax,
  );
  const resolve = createStages(options);

  const ensureUnknown = async (document: TextToStore, now: number): Promise<TextOutcome> => {
    const { textId } = document;
    const failure = failures.get(textId);
    if (failure !== undefined && now < failure.until) return failure.outcome;
    const isShared = known.state(textId, now) === 'in-flight';
    if (isShared) observer.cacheRequest('shared');
    const outcome = await known.share(textId, now, () => resolve(document));
    if (outcome === 'known') return stored;
    if (!outcome.ok && !isShared)
      failures.set(textId, { outcome, until: clock.monotonic() + failureAgeMsMax });
    return outcome;
  };

  return {
    ensure(document) {
      const now = clock.monotonic();
      if (!known.use(document.textId, now)) return ensureUnknown(document, now);
      observer.cacheRequest('hit');
      return stored;
    },
    forget: (textId) => known.forget(textId),
  };
}

/** Looks a text up, and embeds and writes it when the store does not have it. */
function createStages(
  options: TextResolverOptions,
): (document: TextToStore) => Promise<TextOutcome> {
  const { store, embedding, guard, clock, random, observer, signal } = options;
  const isStored = createLookUp(options);
  const embed = embedUnlessStored({
    embedding,
    clock,
    signal,
    random,
    // Every other store belongs to one gateway, so no other puts texts there.
    stored: store.kind === 'qdrant' ? (ids) => guard.call(() => store.knownTexts(ids)) : null,
  });
  const write = createTextWriter(options);

  return async (document) => {
    if (await isStored(document.textId)) {
      observer.cacheRequest('store');
      return stored;
    }
    observer.cacheRequest('miss');
    for (;;) {
      const result = await embed(document);
      if (result === null) return stored;
      if (!result.ok) return embeddingFailed(result);
      const record = recordOf(document, result);
      const written = await write(record);
      if (written.status === 'distrusted') continue;
      return written.status === 'rejected' ? storeRejected(record, written.message) : stored;
    }
  };
}

function createLookUp({
  store,
  guard,
  clock,
  limits,
}: TextResolverOptions): (textId: string) => Promise<boolean> {
  return createBatchedCalls<string, boolean>({
    countMax: lookUpMax,
    weightMax: lookUpMax,
    weightOf: () => 1,
    limits,
    clock,
    run: async (ids) => {
      const found = await guard.call(() => store.knownTexts(ids));
      return ids.map((id) => found.has(id));
    },
  });
}

type Embedded = Extract<FleetResult, { readonly ok: true }>;
type NotEmbedded = Extract<FleetResult, { readonly ok: false }>;

function recordOf({ textId, text, kind, event }: TextToStore, { embedding }: Embedded): TextRecord {
  return { id: textId, text, kind, product: kind === 'product' ? event.product : null, embedding };
}

function embeddingFailed({ message, attempts, runner }: NotEmbedded): TextOutcome {
  return { ok: false, reason: 'embedding_failed', message, attempts, runner };
}

function storeRejected({ embedding }: TextRecord, message: string): TextOutcome {
  const runner = embedding.provenance.runnerName;
  return { ok: false, reason: 'store_rejected', message, attempts: 1, runner };
}

const stored: TextOutcome = { ok: true };
const lookUpMax = 512;
const failuresMax = 1_000;
/** A text that failed is tried again after this time, because the fleet may have changed. */
const failureAgeMsMax = 5 * 60_000;
