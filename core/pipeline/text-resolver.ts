// Ensures that a text is in the store with a real vector, computed at most once however many events
// carry it.

import { assert } from '#core/errors/assert.ts';
import type {
  Clock,
  DeadLetterReason,
  Document,
  EmbeddingService,
  Provenance,
  TextRecord,
  VectorStore,
  WriteOutcome,
} from '#core/ports.ts';
import { createBatchedCalls } from './batched-calls.ts';
import { writeBisecting } from './bisecting-write.ts';
import type { Guard } from './guard.ts';
import { KnownTexts } from './known-texts.ts';
import type { PipelineObserver } from './pipeline-observer.ts';
import { embedUnlessStored } from './shared-embedding.ts';

export type TextOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: DeadLetterReason;
      readonly message: string;
      readonly attempts: number;
      readonly runner: string | null;
    };

export type TextResolverOptions = {
  readonly store: VectorStore;
  readonly embedding: EmbeddingService;
  readonly guard: Guard;
  readonly clock: Clock;
  readonly limits: {
    readonly batchAgeMsMax: number;
    readonly writesInFlightMax: number;
    readonly knownTextsMax: number;
    readonly knownTextAgeMsMax: number;
  };
  readonly observer: Pick<PipelineObserver, 'cacheRequest' | 'storeWrite'>;
  /** Its runner was found wrong since: the vector is computed anew, whatever it is. */
  readonly isDistrusted: (provenance: Provenance) => boolean;
  /** Ends the wait for a runner; a text that is embedded already is still written. */
  readonly signal: AbortSignal;
};

export type TextResolver = {
  /**
   * Resolves when the text is applied in the store, or with why it cannot be. Rejects with the
   * signal's reason.
   */
  readonly ensure: (document: Document) => Promise<TextOutcome>;
  /** The store no longer has this text. */
  forget(textId: string): void;
};

export function createTextResolver(options: TextResolverOptions): TextResolver {
  const { store, embedding, guard, clock, limits, observer, isDistrusted, signal } = options;
  const known = new KnownTexts<TextOutcome>({
    get entriesMax() {
      return limits.knownTextsMax;
    },
    ttlMs: limits.knownTextAgeMsMax,
    succeeded: ({ ok }) => ok,
  });
  // A text that makes runners fail must not do so again with every event that carries it.
  const failed = new Map<string, { readonly outcome: TextOutcome; readonly until: number }>();

  const isStored = createBatchedCalls<string, boolean>({
    countMax: lookUpMax,
    weightMax: lookUpMax,
    weightOf: () => 1,
    get ageMsMax() {
      return limits.batchAgeMsMax;
    },
    get concurrency() {
      return limits.writesInFlightMax;
    },
    clock,
    run: async (ids) => {
      const stored = await guard.call(() => store.knownTexts(ids));
      return ids.map((id) => stored.has(id));
    },
  });

  /** Asked before every attempt: a runner may be found wrong while a write waits for the store. */
  const putTrusted = async (
    records: readonly TextRecord[],
  ): Promise<readonly (WriteOutcome | Distrusted)[]> => {
    const trusted = records.filter(({ embedding: { provenance } }) => !isDistrusted(provenance));
    const outcomes = trusted.length === 0 ? [] : await store.putTexts(trusted);
    assert(
      outcomes.length === trusted.length,
      `${trusted.length} texts got ${outcomes.length} outcomes`,
    );
    const outcomeOf = new Map(trusted.map((record, at) => [record, outcomes[at]]));
    return records.map((record) => outcomeOf.get(record) ?? distrusted);
  };

  const putText = createBatchedCalls<TextRecord, WriteOutcome | Distrusted>({
    countMax: store.batchMax.texts,
    weightMax: textCharactersMax,
    weightOf: ({ text }) => text.length,
    get ageMsMax() {
      return limits.batchAgeMsMax;
    },
    get concurrency() {
      return limits.writesInFlightMax;
    },
    clock,
    run: async (records) => {
      const startedAt = clock.monotonic();
      const outcomes = await writeBisecting(records, (part) => guard.call(() => putTrusted(part)));
      observer.storeWrite((clock.monotonic() - startedAt) / 1000);
      return outcomes;
    },
  });

  const embed = embedUnlessStored({
    embedding,
    clock,
    signal,
    random: Math.random,
    // The other stores have one gateway: nobody else puts texts there.
    stored: store.kind === 'qdrant' ? (ids) => guard.call(() => store.knownTexts(ids)) : null,
  });

  async function resolve(document: Document): Promise<TextOutcome> {
    if (await isStored(document.textId)) {
      observer.cacheRequest('store');
      return stored;
    }
    observer.cacheRequest('miss');
    for (;;) {
      const result = await embed(document);
      if (result === null) return stored;
      if (!result.ok) {
        return {
          ok: false,
          reason: 'embedding_failed',
          message: result.message,
          attempts: result.attempts,
          runner: result.runner,
        };
      }
      const { textId: id, text, kind } = document;
      const outcome = await putText({
        id,
        text,
        kind,
        product: kind === 'product' ? document.event.product : null,
        embedding: result.embedding,
      });
      if (outcome.status === 'distrusted') continue;
      if (outcome.status !== 'rejected') return stored;
      return {
        ok: false,
        reason: 'store_rejected',
        message: outcome.message,
        attempts: 1,
        runner: result.embedding.provenance.runnerName,
      };
    }
  }

  function rememberFailure(textId: string, outcome: TextOutcome): void {
    failed.delete(textId);
    failed.set(textId, { outcome, until: clock.monotonic() + failureAgeMsMax });
    const oldest = failed.keys().next();
    if (failed.size > failuresMax && !oldest.done) failed.delete(oldest.value);
  }

  return {
    async ensure(document) {
      const { textId } = document;
      const now = clock.monotonic();
      const failure = failed.get(textId);
      if (failure !== undefined && now < failure.until) return failure.outcome;
      const state = known.state(textId, now);
      if (state !== 'unknown') observer.cacheRequest(state === 'known' ? 'hit' : 'shared');
      const outcome = await known.share(textId, now, () => resolve(document));
      if (outcome === 'known') return stored;
      if (!outcome.ok && state === 'unknown') rememberFailure(textId, outcome);
      return outcome;
    },
    forget: (textId) => known.forget(textId),
  };
}

type Distrusted = { readonly status: 'distrusted' };
const distrusted: Distrusted = { status: 'distrusted' };
const stored: TextOutcome = { ok: true };
const lookUpMax = 512;
/** Keeps one write of texts below a few megabytes. */
const textCharactersMax = 1024 * 1024;
const failuresMax = 1_000;
/** After this a text that failed is tried again: the fleet may be another by then. */
const failureAgeMsMax = 5 * 60_000;
