// The blocks that keep runners from joining.

/**
 * Keeps a runner out: a quarantine because its vectors were wrong, or the revocation of its join
 * token. It holds no secret.
 */
export type RunnerBlock = {
  readonly kind: 'quarantine' | 'revocation';
  /** The id of its join token, or a keyed hash of its address; at most 100 characters. */
  readonly subject: { readonly by: 'token' | 'address'; readonly id: string };
  /** The reason in words; at most 1,000 characters. */
  readonly reason: string;
  /** UTC ms: when it was written. */
  readonly at: number;
  /** UTC ms: a quarantine is over then. */
  readonly until: number;
  /** How often the runner was found wrong; 0 once an operator has lifted the block. */
  readonly times: number;
};

/**
 * Keeps the blocks of runners for all gateways of a store. All calls are idempotent, are applied
 * when they resolve, and throw the errors of `VectorStore`.
 */
export type RunnerBlockStore = {
  /**
   * Stores at most 1,000 blocks. Of two with one kind and subject, the one with the later `at`
   * stays.
   */
  put(blocks: readonly RunnerBlock[]): Promise<void>;
  /** Blocks with this `at` (UTC ms) or a later one, in no particular order. */
  since(at: number): Promise<readonly RunnerBlock[]>;
  /** Forgets blocks that keep nobody out any more. At most 1,000. */
  remove(blocks: readonly Pick<RunnerBlock, 'kind' | 'subject'>[]): Promise<void>;
};
