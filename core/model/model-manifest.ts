// The manifest names every file of a model by its SHA-256, so that all runners of a fleet compute
// the same vectors.

import { z } from 'zod';
import { VectorStreamError } from '#core/errors/errors.ts';

/** A file of the model's folder is missing, or differs from the one in the manifest. */
export class ModelFileError extends VectorStreamError {
  override readonly name = 'ModelFileError';
  readonly code = 'model_file';
  readonly retryable = false;
}

export const devices = ['cpu', 'webgpu', 'cuda', 'wasm'] as const;
export type Device = (typeof devices)[number];

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 as 64 lower-case hex digits');
/** Relative and inside the folder: a manifest cannot name a file outside. */
const path = z
  .string()
  .regex(/^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]*$/, 'expected a relative path inside the folder');
const line = z.string().min(1).max(300);
const cosineBound = z.number().min(0).max(1);

const manifestSchema = z
  .strictObject({
    format: z.literal(1),
    /** The model's public name, such as on Hugging Face; `model` in `POST /v1/embeddings`. */
    modelId: z.string().min(1).max(200),
    licence: z.string().min(1),
    dimensions: z.int().min(1).max(16_384),
    /** Longer texts are cut at this many tokens, special tokens included. */
    maxTokens: z.int().min(3).max(131_072),
    /**
     * `none`: the graph outputs `sentence_embedding`. `mean`, `cls`: it outputs
     * `last_hidden_state`, pooled by the embedder.
     */
    pooling: z.enum(['none', 'mean', 'cls']),
    /** Whether the embedder scales vectors to length 1; false when the graph already does. */
    normalise: z.boolean(),
    /**
     * The gateway puts these before a text, for models that were trained with prefixes: `query` for
     * searches, `passage` for stored texts. Empty for other models.
     */
    prefixes: z.strictObject({ query: z.string().max(1000), passage: z.string().max(1000) }),
    /** Weights by the dtype's name in transformers.js. */
    dtypes: z
      .record(
        z.string(),
        z.strictObject({
          file: path,
          /** The graph for WebGPU, which reads its weights out of `file`; absent: `file` itself. */
          webgpu: path.optional(),
          devices: z.array(z.enum(devices)).min(1),
          /** Least mean cosine to the reference over all golden texts. */
          goldenMeanMin: cosineBound,
          /** Least cosine of any golden text. */
          goldenMin: cosineBound,
        }),
      )
      .refine((dtypes) => Object.keys(dtypes).length > 0, 'expected at least one dtype'),
    /**
     * `local`: the model itself made the golden vectors on this machine. Those of another machine
     * differ in the last digits, so they are not part of the model's identity.
     */
    golden: z.enum(['reference', 'local']).default('reference'),
    /**
     * What makes the vectors what they are, besides `modelId`, `dimensions`, `maxTokens` and
     * `prefixes`; see `vectorRevisionOf`. Absent for a downloaded model, whose whole manifest is
     * its vector revision.
     */
    vectors: z
      .strictObject({ weights: line, tokenizer: line, pooling: line, normalisation: line })
      .optional(),
    /**
     * Older vector revisions whose vectors may be compared with these. `tokenizer` is `older` where
     * the texts of `hasOtherIds` had other token ids, and so vectors that must be made again.
     * `goldenTexts`: its graphs need to pass only this many of the golden texts, the first ones;
     * absent: all.
     */
    compatible: z
      .array(
        z.strictObject({
          revision: sha256,
          tokenizer: z.enum(['same', 'older']),
          goldenTexts: z.int().min(1).optional(),
        }),
      )
      .optional(),
    files: z.record(path, sha256),
  })
  .refine(
    ({ dtypes, files }) =>
      Object.values(dtypes)
        .flatMap(graphsOf)
        .every((graph) => graph in files),
    'the graphs of every dtype must be listed under files',
  )
  .refine(
    (manifest) => manifest.golden === 'local' || goldenFile in manifest.files,
    'golden.json must be listed under files',
  );

export type Manifest = Readonly<z.infer<typeof manifestSchema>>;

export const manifestFile = 'manifest.json';
export const goldenFile = 'golden.json';

const goldenSchema = z
  .object({
    model: z.string(),
    /** What computed the vectors. */
    reference: z.string(),
    dimensions: z.int().min(1),
    cases: z
      .array(z.object({ text: z.string(), vector: z.array(z.number()) }))
      .min(1)
      .max(1000),
  })
  .refine(
    (golden) => golden.cases.every(({ vector }) => vector.length === golden.dimensions),
    'every vector must have `dimensions` numbers',
  );

export type Golden = Readonly<z.infer<typeof goldenSchema>>;

/** Reads a file of the model's folder by its path in the manifest; rejects when it cannot. */
export type ReadModelFile = (path: string) => Promise<Uint8Array>;

/** A manifest with its identity, and the reader of its files. */
export type Model = {
  readonly manifest: Manifest;
  /** The vector revision, which the two ends of a connection compare. */
  readonly revision: string;
  /** SHA-256 of the manifest's bytes: two copies of the model with the same have the same files. */
  readonly filesRevision: string;
  readonly read: ReadModelFile;
};

/** @throws ModelFileError naming the member that is wrong. */
export function parseManifest(json: string): Manifest {
  return parse(manifestSchema, json, manifestFile);
}

/** @throws ModelFileError naming the member that is wrong. */
export function parseGolden(json: string): Golden {
  return parse(goldenSchema, json, goldenFile);
}

/** SHA-256 as 64 hex digits. */
export async function sha256Of(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Opens a model by its manifest. No other file is read yet. @throws ModelFileError */
export async function openModel(read: ReadModelFile): Promise<Model> {
  const bytes = await readOrExplain(read, manifestFile);
  const manifest = parseManifest(decode(bytes));
  const filesRevision = await sha256Of(bytes);
  return {
    manifest,
    revision: await vectorRevisionOf(manifest, filesRevision),
    filesRevision,
    read,
  };
}

/**
 * Says whether vectors may be compared: those of one vector revision always, and those of the
 * revisions that the manifest lists as compatible. A better graph, another dtype or more golden
 * texts do not change it. `filesRevision` is the answer for a manifest without `vectors`.
 */
async function vectorRevisionOf(manifest: Manifest, filesRevision: string): Promise<string> {
  const { modelId, vectors, prefixes, maxTokens, dimensions } = manifest;
  if (vectors === undefined) return filesRevision;
  const { weights, tokenizer, pooling, normalisation } = vectors;
  const { query, passage } = prefixes;
  const identity = [modelId, weights, tokenizer, maxTokens, pooling, normalisation, dimensions];
  return sha256Of(new TextEncoder().encode(JSON.stringify([...identity, query, passage])));
}

/**
 * The golden texts. Their hash is checked unless they were made on this machine. @throws
 * ModelFileError
 */
export async function readGolden(model: Model): Promise<Golden> {
  return parseGolden(
    decode(
      await (model.manifest.golden === 'local'
        ? readOrExplain(model.read, goldenFile)
        : readVerified(model, goldenFile)),
    ),
  );
}

function graphsOf({
  file,
  webgpu,
}: {
  readonly file: string;
  readonly webgpu?: string | undefined;
}): readonly string[] {
  return webgpu === undefined ? [file] : [file, webgpu];
}

/** The files among `paths` that hold the weights of a graph that is too large for one file. */
export function dataFilesOf(graph: string, paths: readonly string[]): readonly string[] {
  return paths.filter((candidate) => candidate.startsWith(`${graph}_data`));
}

/**
 * Every file that a session of this dtype may load: its graphs, and all files that do not belong to
 * another dtype's graphs.
 *
 * @throws ModelFileError when the model has no such dtype.
 */
export function filesOf({ modelId, dtypes, files }: Manifest, dtype: string): readonly string[] {
  const chosen = dtypes[dtype];
  if (chosen === undefined)
    throw new ModelFileError(
      `${modelId} has no dtype "${dtype}": choose one of ${Object.keys(dtypes).join(', ')}.`,
    );
  const paths = Object.keys(files);
  const others = new Set(
    Object.values(dtypes)
      .filter(({ file }) => file !== chosen.file)
      .flatMap((other) => [...graphsOf(other), ...dataFilesOf(other.file, paths)]),
  );
  return paths.filter((file) => !others.has(file));
}

/** Checks `filesOf` the dtype. @throws ModelFileError for the first that is missing or changed. */
export async function verifyFiles(model: Model, dtype: string): Promise<void> {
  for (const file of filesOf(model.manifest, dtype)) await readVerified(model, file);
}

async function readVerified(model: Model, file: string): Promise<Uint8Array> {
  const expected = model.manifest.files[file];
  const bytes = await readOrExplain(model.read, file);
  const actual = await sha256Of(bytes);
  if (actual !== expected) {
    throw new ModelFileError(
      `Model file ${file} is not the one in ${manifestFile}: ` +
        `expected SHA-256 ${expected}, got ${actual} (${bytes.length} bytes). ${remedy}`,
    );
  }
  return bytes;
}

async function readOrExplain(read: ReadModelFile, file: string): Promise<Uint8Array> {
  try {
    return await read(file);
  } catch (cause) {
    // Its message already says what to do.
    if (cause instanceof VectorStreamError) throw cause;
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw new ModelFileError(
      file === manifestFile && isMissing
        ? `There is no ${manifestFile} in this folder. ${draftRemedy}`
        : `Model file ${file} cannot be read: ${messageOf(cause)}. ${remedy}`,
      { cause },
    );
  }
}

function parse<T>(schema: z.ZodType<T>, json: string, file: string): T {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ModelFileError(`Model file ${file} is not JSON: ${messageOf(cause)}. ${remedy}`, {
      cause,
    });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const member = issue?.path.join('.') || 'its root';
  throw new ModelFileError(
    `Model file ${file} is wrong at ${member}: ${issue?.message}. ${remedy}`,
  );
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);
const draftRemedy =
  'For a model of your own, npm run model-manifest -- FOLDER ID writes one, where ID is its name ' +
  'such as organisation/name. git checkout -- models restores the shipped model.';
const remedy =
  'Restore the shipped model with `git checkout -- models`; ' +
  'delete the folder of a downloaded one, and the next start downloads it again.';
