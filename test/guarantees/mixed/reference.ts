// Reference vectors, computed in float32 by transformers.js alone: none of this project's loading,
// batching or pooling is in between.

import { resolve } from 'node:path';
import { AutoModel, AutoTokenizer, env } from '@huggingface/transformers';

const batchMax = 16;

/** By text. The model's graph pools and normalises itself. */
export async function referenceVectors(
  texts: readonly string[],
): Promise<ReadonlyMap<string, Float32Array>> {
  env.localModelPath = '';
  env.allowRemoteModels = false;
  const folder = resolve('models/all-MiniLM-L6-v2');
  const tokenizer = await AutoTokenizer.from_pretrained(folder);
  const model = await AutoModel.from_pretrained(folder, {
    dtype: 'fp32',
    // Without it, onnxruntime computes the 8-bit weights of this graph with 8-bit activations.
    session_options: { extra: { session: { disable_quant_qdq: '1' } } },
  });
  const vectors = new Map<string, Float32Array>();
  for (let from = 0; from < texts.length; from += batchMax) {
    const batch = texts.slice(from, from + batchMax);
    const outputs = Object.values(await model(tokenizer(batch, { padding: true })));
    const [tensor] = outputs;
    const values = Object(tensor).data;
    if (!(values instanceof Float32Array) || values.length % batch.length !== 0)
      throw new Error('The graph does not return one pooled vector per text.');
    const dimensions = values.length / batch.length;
    batch.forEach((text, index) =>
      vectors.set(text, values.slice(index * dimensions, (index + 1) * dimensions)),
    );
  }
  await model.dispose();
  return vectors;
}
