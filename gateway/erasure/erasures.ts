// Erases persons: takes requests, carries them out even after a crash, and tells the pipeline which
// events must not come back.

import { partsOf } from '#core/collections/parts-of.ts';
import { Tombstones, type Concerned, type ErasedEvents } from '#core/erasure/tombstones.ts';
import { assert } from '#core/errors/assert.ts';
import type { Deletion, ErasureRequest, ErasureSubject, Tombstone } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { Wake } from '#core/time/wake.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import { createTroubleLog } from '../telemetry/trouble-log.ts';
import { deleteOlder } from './delete-older.ts';
import { erasePerson } from './erase-person.ts';
import type { ErasurePlaces } from './erase-places.ts';
import { keyedMarks, uuidOfMark, type MarkOf } from './keyed-marks.ts';

/** How often the tombstones of other gateways are read. */
const readEveryMs = 5_000;
/** The age from which they are read again before a write. Less than a store's `settleMs`. */
const knownMsMax = 10_000;
/** How often it looks for requests that another gateway has left behind. */
const lookEveryMs = 60_000;
/** Files are cleaned when no erased event came again for this long. */
const quietMs = 2_000;
/** A topic may name many persons, and the erasure of each mostly waits. */
const personsAtOnceMax = 16;
/** Clocks of gateways may differ by this much. */
const overlapMs = 10 * 60_000;

export class Erasures implements ErasedEvents {
  readonly #options: ErasurePlaces & { readonly log: Log };
  readonly #clear = new Set<() => void>();
  readonly #loaded = Promise.withResolvers<void>();
  readonly #tombstones = new Tombstones((subject) => this.#mark(subject));
  #markOf: MarkOf | null = null;
  #readUntil = 0;
  /** Monotonic ms. */
  #readAt = Number.NEGATIVE_INFINITY;
  #isAsked = true;
  /** The last time that an erased event came again, monotonic ms; `null`: files are clean. */
  #cameAgainAt: number | null = null;
  readonly #wake = new Wake();

  constructor(options: ErasurePlaces & { readonly log: Log }) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#tombstones.isEmpty;
  }

  covers(concerned: Concerned, madeAt: number): boolean {
    return this.#tombstones.covers(concerned, madeAt);
  }

  async upToDate(): Promise<void> {
    if (this.#options.clock.monotonic() - this.#readAt > knownMsMax) await this.#read();
  }

  /** Resolves when the tombstones are known: no event may be processed before. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  /** An erased event came again, and was not stored. Its record has left something in files. */
  cameAgain(): void {
    this.#cameAgainAt = this.#options.clock.monotonic();
  }

  /** Memory that may hold something about a person is cleared whenever one is erased. */
  onErase(clear: () => void): void {
    this.#clear.add(clear);
  }

  delete(deletions: readonly Deletion[], signal: AbortSignal): Promise<void> {
    return deleteOlder(this.#options, deletions, {
      signal,
      // These are no persons: what memory holds about them may stay until it is replaced.
      addTombstones: (of) =>
        this.#addTombstones(
          of.map(({ subject, at }) => ({ mark: this.#mark(subject), at })),
          () => undefined,
        ),
      begin: async (userId, at) => {
        // A tombstone is written after its request: both are durable.
        if (!this.#tombstones.reaches({ kind: 'user', id: userId }, at))
          await this.begin(userId, at);
      },
    });
  }

  /**
   * Resolves once the request is durable, and the user's events can no longer be stored.
   *
   * @param until UTC ms: what the user did later stays; `null`: everything until now goes
   */
  async begin(userId: string, until: number | null = null): Promise<ErasureRequest> {
    const { store, clock } = this.#options;
    // A record that deletes comes after the tombstones were read.
    if (until === null) await this.#read();
    const mark = this.#mark({ kind: 'user', id: userId });
    const id = uuidOfMark(mark);
    const before = await store.erasureStore.request(id);
    if (until !== null && before !== null && before.at >= until) {
      // The gateway that took the request may have died before its tombstone.
      await this.#addTombstones([{ mark, at: until }]);
      return before;
    }
    // Later than before, even if the clock of another gateway is ahead.
    const at = until ?? Math.max(clock.now(), (before?.at ?? 0) + 1);
    const running = before?.finishedAt === null ? before : null;
    const request: ErasureRequest = {
      id,
      userId,
      sessionIds: running?.sessionIds ?? [],
      at,
      finishedAt: null,
      counts: running?.counts ?? {},
    };
    await store.erasureStore.putRequest(request);
    await this.#addTombstones([{ mark, at }]);
    this.#isAsked = true;
    this.#wake.call();
    return request;
  }

  request(id: string): Promise<ErasureRequest | null> {
    return this.#options.store.erasureStore.request(id);
  }

  /** Reads tombstones and carries out requests until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const failed = createTroubleLog(clock, (fields) =>
      log.warn(fields, 'cannot erase while a part is unavailable; retrying'),
    );
    let lookedAt = 0;
    while (!signal.aborted) {
      try {
        await this.#read();
        await this.#scrub();
        if (this.#isAsked || clock.monotonic() - lookedAt >= lookEveryMs) {
          this.#isAsked = false;
          lookedAt = clock.monotonic();
          await this.#carryOut(signal);
        }
      } catch (error) {
        this.#isAsked = true;
        failed(error);
        await rest(clock, readEveryMs, signal);
        continue;
      }
      if (!this.#isAsked) await this.#wake.rest(clock, readEveryMs, signal);
    }
  }

  async #carryOut(signal: AbortSignal): Promise<void> {
    const { store, log } = this.#options;
    const requests = await store.erasureStore.openRequests();
    const erase = async (request: ErasureRequest): Promise<void> => {
      const { id, at } = request;
      const counts = await erasePerson(this.#options, request, {
        signal,
        addTombstones: (sessionIds) =>
          this.#addTombstones(
            sessionIds.map((session) => ({
              mark: this.#mark({ kind: 'session', id: session }),
              at,
            })),
          ),
        clear: () => this.#clearMemory(),
      });
      if (counts === null) this.#isAsked = true;
      else log.info({ erasure: id, ...counts }, 'erased a person');
    };
    for (const part of partsOf(requests, personsAtOnceMax)) {
      if (signal.aborted) return;
      const results = await Promise.allSettled(part.map(erase));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    }
  }

  async #scrub(): Promise<void> {
    const { store, clock } = this.#options;
    if (this.#cameAgainAt === null || clock.monotonic() - this.#cameAgainAt < quietMs) return;
    this.#cameAgainAt = null;
    await store.erasureStore.scrub?.();
  }

  /** Reads what is new; the first time, everything. */
  async #read(): Promise<void> {
    const { store, clock } = this.#options;
    this.#markOf ??= keyedMarks(await store.erasureStore.key());
    const [now, readAt] = [clock.now(), clock.monotonic()];
    const found = await store.erasureStore.tombstonesSince(this.#readUntil);
    if (this.#tombstones.add(found)) this.#clearMemory();
    this.#readUntil = Math.max(0, now - overlapMs);
    this.#readAt = readAt;
    this.#loaded.resolve();
  }

  async #addTombstones(
    tombstones: readonly Tombstone[],
    clear = (): void => this.#clearMemory(),
  ): Promise<void> {
    await this.#options.store.erasureStore.addTombstones(tombstones);
    if (this.#tombstones.add(tombstones)) clear();
  }

  #clearMemory(): void {
    for (const clear of this.#clear) clear();
  }

  #mark(subject: ErasureSubject): string {
    assert(this.#markOf !== null, 'Tombstones are asked for before their key is known');
    return this.#markOf(subject);
  }
}
