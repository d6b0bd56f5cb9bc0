// Makes and knows the tokens with which a tab joins for a while: signed, so that every gateway with
// the same secret takes them.

import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '#core/errors/errors.ts';
import type { Clock } from '#core/ports.ts';

/** What a runner that joins by it may do; it is never trusted. */
export type JoinToken = {
  readonly id: string;
  readonly name: string;
  /** UTC ms. */
  readonly expiresAt: number;
  /** Connected at once. */
  readonly runnersMax: number;
  /** Of all its runners together; `null`: as fast as they can. */
  readonly textsPerSecondMax: number | null;
};

export type MadeToken = JoinToken & { readonly madeAt: number; readonly isRevoked: boolean };

export type JoinVerdict =
  | { readonly ok: true; readonly token: JoinToken }
  | { readonly ok: false; readonly why: 'wrong' | 'expired' | 'revoked' };

/** Told apart from the shared token by this; the version of what follows. */
const prefix = 'vsj1.';
/** Tokens that were made here and have not expired. */
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
  revoked: z.array(z.tuple([z.uuid(), z.int()])),
});

/**
 * `secret`: the shared runner token. The file in `dataDir` holds what was made and revoked, and no
 * token. Throws `UsageError` when it cannot be read.
 */
export async function openJoinTokens({
  secret,
  dataDir,
  clock,
}: {
  readonly secret: string;
  readonly dataDir: string;
  readonly clock: Pick<Clock, 'now'>;
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
      found === null ? { made: [], revoked: [] } : fileSchema.parse(JSON.parse(found)),
    );
  } catch (error) {
    throw new UsageError(
      `${file} cannot be used (${error instanceof Error ? error.message.slice(0, 200) : String(error)}): delete it, and tokens that were revoked are valid again until they expire.`,
      { cause: error },
    );
  }
}

export class JoinTokens {
  readonly #key: Buffer;
  readonly #file: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #made: Map<string, JoinToken & { readonly madeAt: number }>;
  /** Id → when it needs to be remembered no more, UTC ms. */
  readonly #revoked: Map<string, number>;
  #writing = Promise.resolve();

  constructor(
    secret: string,
    file: string,
    clock: Pick<Clock, 'now'>,
    { made, revoked }: z.infer<typeof fileSchema>,
  ) {
    // Another key than the secret itself: a signature tells nothing of the token that runners send.
    this.#key = createHmac('sha256', secret).update('vectorstream join tokens').digest();
    this.#file = file;
    this.#clock = clock;
    this.#made = new Map(made.map((token) => [token.id, token]));
    this.#revoked = new Map(revoked);
  }

  /** Resolves once it is remembered; `null` when there are too many that have not expired. */
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

  /** `null`: it does not even look like one. */
  verify(text: string): JoinVerdict | null {
    if (!text.startsWith(prefix)) return null;
    const [body = '', signature = '', ...rest] = text.slice(prefix.length).split('.');
    const [given, expected] = [Buffer.from(signature), Buffer.from(this.#sign(body))];
    if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected))
      return { ok: false, why: 'wrong' };
    const parsed = tokenSchema.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString()));
    if (!parsed.success) return { ok: false, why: 'wrong' };
    if (parsed.data.expiresAt <= this.#clock.now()) return { ok: false, why: 'expired' };
    return this.#revoked.has(parsed.data.id)
      ? { ok: false, why: 'revoked' }
      : { ok: true, token: parsed.data };
  }

  /** Holds for this gateway, whichever made the token. Resolves once it is remembered. */
  async revoke(id: string): Promise<void> {
    const now = this.#clock.now();
    this.#dropExpired(now);
    this.#revoked.set(id, this.#made.get(id)?.expiresAt ?? now + ttlMsMax);
    await this.#save();
  }

  /** Those made here that have not expired, newest first. */
  list(): readonly MadeToken[] {
    this.#dropExpired(this.#clock.now());
    return [...this.#made.values()]
      .map((token) => ({ ...token, isRevoked: this.#revoked.has(token.id) }))
      .toSorted((a, b) => b.madeAt - a.madeAt);
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#key).update(body).digest('base64url');
  }

  #dropExpired(now: number): void {
    for (const [id, { expiresAt }] of this.#made) if (expiresAt <= now) this.#made.delete(id);
    for (const [id, until] of this.#revoked) if (until <= now) this.#revoked.delete(id);
  }

  /** One write at a time, each whole or not at all. */
  #save(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
        await writeFile(
          `${this.#file}.new`,
          JSON.stringify({ made: [...this.#made.values()], revoked: [...this.#revoked] }),
          { mode: 0o600 },
        );
        await rename(`${this.#file}.new`, this.#file);
      });
    return this.#writing;
  }
}
