// Copies a shipped float model and adds the output that `pipeline('feature-extraction')` expects:
// one vector per token.

import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** By dtype, the shipped graph and the tensor of floats that it pools. */
const graphs = {
  fp16: { file: 'onnx/model_fp16.onnx', pooled: '/Cast_2_output_0' },
  fp32: { file: 'onnx/model.onnx', pooled: '/layers.5/ln2/LayerNormalization_output_0' },
} as const;
export const tokenLevelDtypes = ['fp16', 'fp32'] as const;

/** Makes `to` a folder that transformers.js loads as this dtype. */
export async function makeTokenLevelModel(
  from: string,
  to: string,
  dtype: keyof typeof graphs,
): Promise<void> {
  const { file, pooled } = graphs[dtype];
  await mkdir(join(to, 'onnx'), { recursive: true });
  for (const setting of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(from, setting), join(to, setting));
  await writeFile(join(to, file), [
    await readFile(join(from, file)),
    addedOutput('last_hidden_state', pooled),
  ]);
}

/**
 * Bytes to append to an ONNX file, so that its graph has one more output. Protocol Buffers merge a
 * second occurrence of the message `graph` into the first.
 *
 * The field numbers are those of onnx.proto: ModelProto.graph 7; GraphProto.node 1, output 12;
 * NodeProto.input 1, output 2, op_type 4; ValueInfoProto.name 1, type 2; TypeProto.tensor_type 1
 * (elem_type 1: float = 1).
 */
function addedOutput(name: string, tensor: string): Buffer {
  const node = field(1, field(1, tensor), field(2, name), field(4, 'Identity'));
  const type = field(2, field(1, Buffer.from([1 << 3, 1])));
  return field(7, node, field(12, field(1, name), type));
}

/** Encodes a length-delimited field. */
function field(number: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(body.length)]), body]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
