// Issues and verifies join tokens, by which a browser tab may join for a limited time. They are
// signed: every gateway with the same secret accepts them.

import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';
import type { RunnerBlocks } from '#core/trust/runner-blocks.ts';
import { makeFolder } from '../../system/make-folder.ts';
import { replaceFile } from '../../system/replace-file.ts';

/** The limits of the runners that join by this token. They are never trusted. */
export type JoinToken = {
  readonly id: string;
  readonly name: string;
  /** UTC ms. */
  readonly expiresAt: number;
  /** Runners connected at once. */
  readonly runnersMax: number;
  /** The most texts per second of all its runners together; `null`: no limit. */
  readonly textsPerSecondMax: number | null;
};

export type IssuedToken = JoinToken & { readonly madeAt: number; readonly isRevoked: boolean };

export type JoinVerdict =
  | { readonly ok: true; readonly token: JoinToken }
  | { readonly ok: false; readonly why: 'wrong' | 'expired' | 'revoked' };

/** Distinguishes join tokens from the shared token, and names the version of their format. */
const prefix = 'vsj1.';
/** Issued tokens that have not expired. */
export const joinTokensMax = 10_000;
export const ttlMsMax = 7 * 24 * 3_600_000;

const tokenSchema = z.object({
  id: z.uuid(),
  name: z.string().max(100),
  expiresAt: z.int(),
  runnersMax: z.int().min(1),
  textsPerSecondMax: z.number().positive().nullable(),
});
const fileSchema = z.object({
  made: z.array(tokenSchema.extend({ madeAt: z.int() })).max(joinTokensMax),
  /** Revocations of earlier gateways, which kept them here. */
  revoked: z.array(z.tuple([z.uuid(), z.int()])),
});

/**
 * `secret`: what gateways with the same join tokens share, and no untrusted runner knows. The file
 * in `dataDir` records which tokens this gateway has issued, but not the tokens themselves. What is
 * revoked stands in `blocks`.
 *
 * @throws UsageError when the file cannot be read
 */
export async function openJoinTokens({
  secret,
  dataDir,
  clock,
  blocks,
}: {
  readonly secret: string;
  readonly dataDir: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly blocks: Revocations;
}): Promise<JoinTokens> {
  const file = join(dataDir, 'join-tokens.json');
  try {
    const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    return new JoinTokens(
      secret,
      file,
      clock,
      blocks,
      found === null ? { made: [], revoked: [] } : fileSchema.parse(JSON.parse(found)),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : String(error);
    throw new UsageError(
      `${file} cannot be used (${reason}). ` +
        'If you delete it, revoked tokens are valid again until they expire.',
      { cause: error },
    );
  }
}

type Revocations = Pick<RunnerBlocks, 'loaded' | 'revoke' | 'revokeAll' | 'isRevoked'>;

const revokedReason = 'the join token was revoked';

export class JoinTokens {
  readonly #key: Buffer;
  readonly #file: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #made: Map<string, JoinToken & { readonly madeAt: number }>;
  readonly #blocks: Revocations;
  /** Those that have expired are left out once the store has them. */
  #earlier: z.infer<typeof fileSchema>['revoked'];
  #writing = Promise.resolve();

  constructor(
    secret: string,
    file: string,
    clock: Pick<Clock, 'now'>,
    blocks: Revocations,
    { made, revoked }: z.infer<typeof fileSchema>,
  ) {
    // The key is derived from the secret: a signature then reveals nothing about it.
    this.#key = createHmac('sha256', secret).update('vectorstream join tokens').digest();
    this.#file = file;
    this.#clock = clock;
    this.#made = new Map(made.map((token) => [token.id, token]));
    this.#blocks = blocks;
    this.#earlier = revoked;
    // When it is known which of them the store has. Until then no untrusted runner gets work.
    void blocks.loaded
      .then(() => blocks.revokeAll(revoked, revokedReason))
      .then(() => {
        this.#earlier = revoked.filter(([, expiresAt]) => expiresAt > clock.now());
      })
      .catch(() => undefined);
  }

  /** Resolves once the token is recorded; `null` when too many tokens have not expired. */
  async make({
    ttlMs,
    ...terms
  }: Omit<JoinToken, 'id' | 'expiresAt'> & { readonly ttlMs: number }): Promise<{
    readonly token: string;
    readonly terms: JoinToken;
  } | null> {
    const now = this.#clock.now();
    this.#dropExpired(now);
    if (this.#made.size >= joinTokensMax) return null;
    const token: JoinToken = { ...terms, id: randomUUID(), expiresAt: now + ttlMs };
    this.#made.set(token.id, { ...token, madeAt: now });
    await this.#save();
    const body = Buffer.from(JSON.stringify(token)).toString('base64url');
    return { token: `${prefix}${body}.${this.#sign(body)}`, terms: token };
  }

  /** `null`: the text does not have the format of a join token. */
  verify(text: string): JoinVerdict | null {
    if (!text.startsWith(prefix)) return null;
    const [body = '', signature = '', ...rest] = text.slice(prefix.length).split('.');
    const [given, expected] = [Buffer.from(signature), Buffer.from(this.#sign(body))];
    if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected))
      return { ok: false, why: 'wrong' };
    const parsed = tokenSchema.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString()));
    if (!parsed.success) return { ok: false, why: 'wrong' };
    if (parsed.data.expiresAt <= this.#clock.now()) return { ok: false, why: 'expired' };
    return this.#blocks.isRevoked(parsed.data.id)
      ? { ok: false, why: 'revoked' }
      : { ok: true, token: parsed.data };
  }

  /**
   * Revokes a token of any gateway, at all gateways of the store. Takes effect here at once, and
   * resolves when it is durable.
   *
   * @throws DependencyError when the store does not answer: it gets the revocation later
   */
  revoke(id: string): Promise<void> {
    const expiresAt = this.#made.get(id)?.expiresAt ?? this.#clock.now() + ttlMsMax;
    return this.#blocks.revoke(id, revokedReason, expiresAt);
  }

  /** The tokens issued here that have not expired, newest first. */
  list(): readonly IssuedToken[] {
    this.#dropExpired(this.#clock.now());
    return [...this.#made.values()]
      .map((token) => ({ ...token, isRevoked: this.#blocks.isRevoked(token.id) }))
      .toSorted((a, b) => b.madeAt - a.madeAt);
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#key).update(body).digest('base64url');
  }

  #dropExpired(now: number): void {
    for (const [id, { expiresAt }] of this.#made) if (expiresAt <= now) this.#made.delete(id);
  }

  /** Writes the file, one write at a time and each atomically. */
  #save(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        makeFolder(dirname(this.#file));
        const file = { made: [...this.#made.values()], revoked: this.#earlier };
        await replaceFile(this.#file, JSON.stringify(file));
      });
    return this.#writing;
  }
}
