// Remembers which runners may not join: those whose vectors were wrong, and those whose join token
// was revoked. All gateways of a store share this, and it outlives them.

import { partsOf } from '#core/collections/parts-of.ts';
import { uuidV5 } from '#core/event/uuid.ts';
import type { Clock, RunnerBlock, RunnerBlockStore } from '#core/ports.ts';
import { backoffMs, RetryDelays, type Backoff } from '#core/time/retry.ts';
import { Wake } from '#core/time/wake.ts';

type Subject = RunnerBlock['subject'];
type Kind = RunnerBlock['kind'];

export type RunnerBlocksOptions = {
  readonly store: RunnerBlockStore;
  readonly clock: Clock;
  /** The waits after a failure of the store. Read at every use. */
  readonly backoff: Backoff;
  /** Called synchronously; must not throw. */
  readonly onFailure: (error: unknown) => void;
};

/**
 * The quarantine of a token: a minute for the first time, then twice as long each time, up to a
 * day.
 */
export const tokenBackoff = { delayMs: 60_000, delayMsMax: 24 * 3_600_000 };
/** The quarantine of an address, which is shorter because honest runners may share it. */
export const addressBackoff = { delayMs: 10_000, delayMsMax: 10 * 60_000 };
/** A runner that is right for this long after its last quarantine starts at the shortest again. */
const forgiveMs = 24 * 3_600_000;
/** How often the blocks of other gateways are read. */
const readEveryMs = 5_000;
/** Clocks of gateways may differ by this much. */
const overlapMs = 10 * 60_000;
/**
 * Above these numbers the oldest are forgotten. A revocation only once its token has expired: the
 * clock may have been ahead, and a token must not be valid again when it is set right.
 */
const countMax = { quarantine: 10_000, revocation: 100_000 } as const;
const writeMax = 1_000;

/** Changes take effect here at once, and are written as soon as the store takes them. */
export class RunnerBlocks {
  readonly #options: RunnerBlocksOptions;
  readonly #known = new Map<string, RunnerBlock>();
  /** Changes that the store does not have yet. */
  readonly #unwritten = new Map<string, RunnerBlock>();
  readonly #changed = new Set<() => void>();
  readonly #loaded = Promise.withResolvers<void>();
  /** The latest `at` that was read. */
  #readUntil = 0;
  readonly #wake = new Wake();

  constructor(options: RunnerBlocksOptions) {
    this.#options = options;
  }

  /** Resolves once what the store holds is known. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  /** `changed` is called after every change, of other gateways too. */
  onChange(changed: () => void): void {
    this.#changed.add(changed);
  }

  /** The runner was found wrong. */
  quarantine(subject: Subject, reason: string): RunnerBlock {
    const now = this.#options.clock.now();
    const before = this.#known.get(keyOf('quarantine', subject));
    const times = before === undefined || !isRemembered(before, now) ? 1 : before.times + 1;
    const backoff = subject.by === 'token' ? tokenBackoff : addressBackoff;
    return this.#add({
      kind: 'quarantine',
      subject,
      reason: reason.slice(0, 1_000).toWellFormed(),
      until: now + backoffMs(backoff, times),
      times,
    });
  }

  /** The quarantine in which the runner is now; `null`: it may work. */
  quarantineOf(subject: Subject): RunnerBlock | null {
    const block = this.#known.get(keyOf('quarantine', subject));
    return block === undefined || block.until <= this.#options.clock.now() ? null : block;
  }

  /** It was found wrong, and that is not forgiven. */
  wasWrong(subject: Subject): boolean {
    const block = this.#known.get(keyOf('quarantine', subject));
    return block !== undefined && isRemembered(block, this.#options.clock.now());
  }

  /**
   * Takes effect at once, and resolves when it is durable. `expiresAt`: of the token, UTC ms.
   *
   * @throws DependencyError when the store does not answer: the revocation is written later
   */
  revoke(tokenId: string, reason: string, expiresAt: number): Promise<void> {
    return this.revokeAll([[tokenId, expiresAt]], reason);
  }

  /** As `revoke`, for many tokens. Those that are revoked already are not written again. */
  async revokeAll(
    tokens: Iterable<readonly [id: string, expiresAt: number]>,
    reason: string,
  ): Promise<void> {
    for (const [id, until] of tokens)
      if (!this.isRevoked(id))
        this.#add({ kind: 'revocation', subject: { by: 'token', id }, reason, until, times: 1 });
    await this.#write();
  }

  /** Whatever the clock says. */
  isRevoked(tokenId: string): boolean {
    return this.#known.has(keyOf('revocation', { by: 'token', id: tokenId }));
  }

  /** Quarantines that are not over, newest first. */
  quarantines(): readonly RunnerBlock[] {
    const now = this.#options.clock.now();
    return [...this.#known.values()]
      .filter(({ kind, until }) => kind === 'quarantine' && until > now)
      .toSorted((a, b) => b.at - a.at);
  }

  /** The runner may join again, as if it had never been wrong. Resolves when that is durable. */
  async lift({ kind, subject }: RunnerBlock): Promise<void> {
    const reason = 'lifted by an operator';
    this.#add({ kind, subject, reason, until: this.#options.clock.now(), times: 0 });
    await this.#write();
  }

  /**
   * Resolves when every change is durable.
   *
   * @throws DependencyError when the store does not answer: they are written later
   */
  written(): Promise<void> {
    return this.#write();
  }

  /** Reads and writes until the signal aborts, then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, backoff, onFailure } = this.#options;
    const delays = new RetryDelays({ backoff, jitter: 'none' });
    while (!signal.aborted) {
      let restMs = readEveryMs;
      try {
        await this.#read();
        this.#loaded.resolve();
        await this.#write();
        await this.#forget();
        delays.reset();
      } catch (error) {
        onFailure(error);
        restMs = delays.next();
      }
      await this.#wake.rest(clock, restMs, signal);
    }
  }

  #add(changes: Omit<RunnerBlock, 'at'>): RunnerBlock {
    const key = keyOf(changes.kind, changes.subject);
    const after = (this.#known.get(key)?.at ?? 0) + 1;
    const block: RunnerBlock = { ...changes, at: Math.max(this.#options.clock.now(), after) };
    this.#known.set(key, block);
    this.#unwritten.set(key, block);
    this.#wake.call();
    for (const changed of this.#changed) changed();
    return block;
  }

  async #write(): Promise<void> {
    for (const part of partsOf([...this.#unwritten], writeMax)) {
      await this.#options.store.put(part.map(([, block]) => block));
      for (const [key, block] of part)
        if (this.#unwritten.get(key) === block) this.#unwritten.delete(key);
    }
  }

  async #read(): Promise<void> {
    const { store, clock } = this.#options;
    const from = Math.min(this.#readUntil, clock.now()) - overlapMs;
    let isNew = false;
    for (const block of await store.since(from)) {
      this.#readUntil = Math.max(this.#readUntil, block.at);
      const key = keyOf(block.kind, block.subject);
      if ((this.#known.get(key)?.at ?? -1) >= block.at) continue;
      this.#known.set(key, block);
      isNew = true;
    }
    if (isNew) for (const changed of this.#changed) changed();
  }

  async #forget(): Promise<void> {
    const { store, clock } = this.#options;
    for (const kind of ['quarantine', 'revocation'] as const) {
      const all = [...this.#known].filter(([, block]) => block.kind === kind);
      if (all.length <= countMax[kind]) continue;
      const over = all
        .filter(([, { until }]) => kind === 'quarantine' || until <= clock.now())
        .toSorted(([, a], [, b]) => a.until - b.until)
        .slice(0, all.length - countMax[kind]);
      for (const part of partsOf(over, writeMax)) {
        await store.remove(part.map(([, block]) => block));
        for (const [key] of part) this.#known.delete(key);
      }
    }
  }
}

const isRemembered = ({ times, until }: RunnerBlock, now: number): boolean =>
  times > 0 && now - until <= forgiveMs;

const keyOf = (kind: Kind, { by, id }: Subject): string => `${kind} ${by} ${id}`;

/** A UUID: the same for all blocks of one kind and subject. */
export const blockId = ({ kind, subject }: Pick<RunnerBlock, 'kind' | 'subject'>): string =>
  uuidV5(keyOf(kind, subject));
