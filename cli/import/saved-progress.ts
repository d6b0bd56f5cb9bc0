// Saves up to which line a log has been acknowledged, so that an interrupted import resumes there.

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../../system/make-folder.ts';

const refusal = z.object({ line: z.number(), message: z.string() });
const schema = z.object({
  version: z.literal(1),
  file: z.string(),
  /** A hash of plan and target: another mapping or another gateway makes a new import. */
  fingerprint: z.string(),
  acknowledged_line: z.number().int().nonnegative(),
  /** Rows up to that line that the gateway refused. */
  refused: z.array(refusal),
});
export type SavedProgress = z.infer<typeof schema>;

const saveEveryMs = 1000;

export class ProgressFile {
  readonly #path: string;
  #savedAt = -Infinity;

  /** `hash` is that of the log. */
  constructor(dataDir: string, hash: string) {
    this.#path = join(dataDir, 'import', `${hash}.json`);
  }

  /** `null` when there is no readable progress for this fingerprint. */
  async load(fingerprint: string): Promise<SavedProgress | null> {
    const text = await readFile(this.#path, 'utf8').catch(() => null);
    if (text === null) return null;
    try {
      const parsed = schema.safeParse(JSON.parse(text));
      return parsed.success && parsed.data.fingerprint === fingerprint ? parsed.data : null;
    } catch {
      return null;
    }
  }

  /** Saves at most once a second. Rows lost in a crash are sent again, which changes nothing. */
  async saveSometimes(progress: SavedProgress, nowMs: number): Promise<void> {
    if (nowMs - this.#savedAt < saveEveryMs) return;
    this.#savedAt = nowMs;
    await this.save(progress);
  }

  async save(progress: SavedProgress): Promise<void> {
    makeFolder(dirname(this.#path));
    await writeFile(`${this.#path}.new`, JSON.stringify(progress));
    await rename(`${this.#path}.new`, this.#path);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
