// Opens the index's model: its identity, and the golden texts that check every runner.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import { textTemplate } from '#core/event/text.ts';
import {
  ModelFileError,
  openModel,
  readGolden,
  type Golden,
  type Manifest,
} from '#core/model/model-manifest.ts';
import type { IndexIdentity } from '#core/ports.ts';
import type { ModelIdentity } from '#core/protocol/greeting-check.ts';
import type { GoldenBounds } from '#core/trust/golden.ts';

export type GatewayModel = {
  readonly identity: IndexIdentity &
    ModelIdentity & { readonly olderTokenizers: readonly string[] };
  readonly manifest: Manifest;
  /** SHA-256 of the manifest's bytes. */
  readonly filesRevision: string;
  readonly golden: Golden;
  /** Bounds by dtype. */
  readonly bounds: Readonly<Record<string, GoldenBounds>>;
  readonly prefixes: Manifest['prefixes'];
};

/** @throws UsageError when the folder holds no model, or its files do not match its manifest */
export async function openGatewayModel(folder: string): Promise<GatewayModel> {
  try {
    const model = await openModel((file) => readFile(join(folder, file)));
    const { modelId, dimensions, dtypes, prefixes, compatible = [] } = model.manifest;
    const templateHash = createHash('sha256').update(textTemplate).digest('hex');
    return {
      manifest: model.manifest,
      identity: {
        modelId,
        modelRevision: model.revision,
        // A runner may also name the manifest that both have.
        compatibleRevisions: [model.filesRevision, ...compatible.map(({ revision }) => revision)],
        olderTokenizers: compatible
          .filter(({ tokenizer }) => tokenizer === 'older')
          .map(({ revision }) => revision),
        olderGoldenTexts: Object.fromEntries(
          compatible.flatMap(({ revision, goldenTexts }) =>
            goldenTexts === undefined ? [] : [[revision, goldenTexts]],
          ),
        ),
        dimensions,
        templateHash,
      },
      filesRevision: model.filesRevision,
      golden: await readGolden(model),
      bounds: dtypes,
      prefixes,
    };
  } catch (error) {
    if (error instanceof ModelFileError)
      throw new UsageError(`runners.model is "${folder}": ${error.message}`, { cause: error });
    throw error;
  }
}
