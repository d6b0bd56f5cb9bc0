// Measures embedding on a GPU by WebGPU in Node: VectorStream's embedder against transformers.js
// used as its documentation shows, kernels and memory.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from './bench-gateway.ts';
import { atLeast, row, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import type { GpuMessage, GpuRequest, Shape } from './gpu-process.ts';
import { kernelsOf } from './kernels-of.ts';
import { makeTokenLevelModel, tokenLevelDtypes } from './token-level-model.ts';

const model = join(root, 'models/all-MiniLM-L6-v2');
const graphs = { fused: 'onnx/model_webgpu.onnx', plain: 'onnx/model.onnx' };

export const gpu: Benchmark = {
  name: 'gpu',
  about:
    'Distinct texts by number and length, on WebGPU: the embedder, then ' +
    "pipeline('feature-extraction') in the same process.",
  async run(context) {
    const rows: Row[] = [];
    for (const [name, graph] of Object.entries(graphs))
      rows.push(row(`kernels for one text, ${name} graph`, await kernels(graph, context), ''));
    for (const dtype of tokenLevelDtypes) {
      const tokenLevelModel = join(context.folder, dtype);
      await makeTokenLevelModel(model, tokenLevelModel, dtype);
      const { isQuick } = context;
      const messages = await measured({ model, tokenLevelModel, dtype, isQuick }, context);
      rows.push(...rowsOf(messages, dtype, context.say));
    }
    return rows;
  },
};

async function kernels(graph: string, { folder, say }: BenchmarkContext): Promise<number> {
  say(`counting the kernels of ${graph}`);
  return (await kernelsOf(join(model, graph), folder)).length;
}

/** What the process told. It may fail: not every GPU has 16-bit floats. */
async function measured(
  request: GpuRequest,
  { say, signal }: BenchmarkContext,
): Promise<readonly GpuMessage[]> {
  say(`${request.dtype}: loading`);
  const messages: GpuMessage[] = [];
  const child = fork(join(root, 'bench/gpu-process.ts'), [JSON.stringify(request)], {
    signal,
    killSignal: 'SIGKILL',
  });
  child.on('message', (message: GpuMessage) => {
    messages.push(message);
    if ('shape' in message)
      say(`${request.dtype}, ${message.kind}: ${nameOf(message.shape)} measured`);
  });
  const [code]: unknown[] = await once(child, 'exit');
  signal.throwIfAborted();
  if (code !== 0) say(`${request.dtype}: not measured, its process ended with ${String(code)}`);
  return messages;
}

const nameOf = ({ texts, tokens }: Shape): string => `${texts} × ${tokens} tokens`;

/** Times on a software adapter say nothing about a GPU, so they are no figures. */
export function rowsOf(
  messages: readonly GpuMessage[],
  dtype: string,
  say: (line: string) => void,
): readonly Row[] {
  const software = messages.some(
    (message) => message.kind === 'adapter' && message.adapter.software,
  );
  return messages.flatMap((message): readonly Row[] => {
    switch (message.kind) {
      case 'adapter':
        say(`${dtype}: ${message.adapter.name}${software ? ', software adapter: unmeasured' : ''}`);
        return [];
      case 'memory':
        return [row(`${dtype}: memory that the process gained`, message.mebibytes, 'MiB')];
      case 'agreement':
        return [row(`${dtype}: least cosine to the pipeline`, message.leastCosine, '', agrees)];
      default: {
        const who = message.kind === 'ours' ? 'VectorStream' : 'transformers.js';
        const measure = `${dtype}: ${nameOf(message.shape)}, ${who}`;
        return software ? [] : [row(measure, message.textsPerSecond, 'texts/s')];
      }
    }
  });
}

const agrees = atLeast(0.9997);
