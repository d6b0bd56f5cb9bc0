// Copies of the shipped model in a temporary folder with one change: damage, or a graph without
// pooling.

import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseManifest, sha256Of, type Manifest } from '#core/model/model-manifest.ts';

export const shippedModel = resolve('models/all-MiniLM-L6-v2');

export type ModelCopy = AsyncDisposable & { readonly folder: string };

/** A folder of links to the shipped files. `changes` replaces files; `null` leaves a file out. */
export async function modelCopy(
  changes: Readonly<Record<string, Uint8Array | string | null>>,
): Promise<ModelCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'vectorstream-model-'));
  const shipped = await readdir(shippedModel, { recursive: true, withFileTypes: true });
  for (const entry of shipped.filter((candidate) => candidate.isFile())) {
    const path = join(entry.parentPath, entry.name).slice(shippedModel.length + 1);
    await mkdir(dirname(join(folder, path)), { recursive: true });
    if (!(path in changes)) await symlink(join(shippedModel, path), join(folder, path));
  }
  for (const [path, content] of Object.entries(changes)) {
    if (content !== null) await writeFile(join(folder, path), content);
  }
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * The shipped fp32 graph with the output `last_hidden_state`, as graphs on the Hugging Face hub
 * have it.
 */
export async function modelWithHiddenStates(pooling: Manifest['pooling']): Promise<ModelCopy> {
  const manifest = parseManifest(await readFile(join(shippedModel, 'manifest.json'), 'utf8'));
  const graph = await graphWithHiddenStates();
  return modelCopy({
    'onnx/model.onnx': graph,
    'manifest.json': JSON.stringify({
      ...manifest,
      pooling,
      normalise: true,
      files: { ...manifest.files, 'onnx/model.onnx': await sha256Of(graph) },
    }),
  });
}

/**
 * Renames the graph's own pooled output to an unknown name of the same length, so that no length in
 * the file changes.
 */
export async function graphWithHiddenStates(
  tensor = '/layers.5/ln2/LayerNormalization_output_0',
): Promise<Buffer> {
  const graph = await readFile(join(shippedModel, 'onnx/model.onnx'));
  const name = 'sentence_embedding';
  for (let at = graph.indexOf(name); at >= 0; at = graph.indexOf(name))
    graph.write('something_unknown_', at);
  return Buffer.concat([graph, hiddenStateOutput(tensor)]);
}

/**
 * Bytes that, appended to an ONNX file, add an output: a repeated occurrence of a message field is
 * merged into the first, so a second `graph` with one Identity node and one output extends the
 * graph. Field numbers are those of onnx.proto.
 */
function hiddenStateOutput(tensor: string): Buffer {
  const output = 'last_hidden_state';
  const dimension = (name: string) => message(1, message(2, name));
  const shape = message(
    2,
    dimension('batch_size'),
    dimension('sequence_length'),
    dimension('hidden_size'),
  );
  const floatTensor = message(1, Buffer.from([0x08, 1]), shape);
  const node = message(1, message(1, tensor), message(2, output), message(4, 'Identity'));
  return message(7, node, message(12, message(1, output), message(2, floatTensor)));
}

/** A length-delimited field. */
function message(field: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length: number[] = [];
  for (let rest = body.length; ; rest >>= 7) {
    if (rest < 128) return Buffer.concat([Buffer.from([(field << 3) | 2, ...length, rest]), body]);
    length.push((rest & 127) | 128);
  }
}
