// Embeds the texts of an older tokenizer again, once for each index that this gateway uses.

import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { embedOlderTexts, type OlderTextsOptions } from '#core/trust/older-texts.ts';
import { makeFolder } from '../../system/make-folder.ts';
import type { Log } from '../telemetry/gateway-log.ts';

export type OlderTextsOnceOptions = OlderTextsOptions & {
  readonly dataDir: string;
  /** Names the index and the vector revision of its new vectors. */
  readonly index: string;
  readonly log: Log;
};

/**
 * Each gateway of a shared store does it once, so that the last one to be upgraded also finds what
 * older ones stored until then. Never throws.
 */
export async function embedOlderTextsOnce(
  { dataDir, index, log, ...options }: OlderTextsOnceOptions,
  signal: AbortSignal,
): Promise<void> {
  const file = join(dataDir, 'tokenizer-checked');
  try {
    const before = await readFile(file, 'utf8').catch(() => '');
    if (before.trim() === index) return;
    const texts = await embedOlderTexts(options, signal);
    if (texts > 0)
      log.info({ texts }, 're-embedded texts whose vectors an older tokenizer had made wrong');
    makeFolder(dataDir);
    const draft = `${file}.${process.pid}`;
    await writeFile(draft, `${index}\n`);
    await rename(draft, file);
  } catch (error) {
    if (!signal.aborted)
      log.warn(
        { err: error, file },
        'cannot re-embed the texts of an older tokenizer; the next start tries again',
      );
  }
}
