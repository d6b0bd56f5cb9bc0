// A process that embeds texts in the way the documentation of transformers.js shows, and tells how
// long it took.
//
// Arguments: the folder of a model, threads. Each message is a list of texts, each answer its
// seconds.

import { basename, dirname } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';

const batchSize = 32;
const [folder = '', threads = ''] = process.argv.slice(2);

env.localModelPath = `${dirname(folder)}/`;
env.allowRemoteModels = false;
const extract = await pipeline('feature-extraction', basename(folder), {
  dtype: 'fp32',
  session_options: {
    // As many as ONNX Runtime takes by itself on a machine with as many cores; told, because it
    // also counts cores that this process may not use.
    intraOpNumThreads: Number(threads),
    // The shipped file keeps its weights in 8 bits. They are unfolded once, at loading, so that
    // this computes as with a file of floats.
    extra: { session: { disable_quant_qdq: '1' } },
  },
});

process.on('message', (message) => void answer(message));
// Its parent is gone, however it ended.
process.on('disconnect', () => process.exit());

async function answer(message: unknown): Promise<void> {
  if (!Array.isArray(message)) throw new TypeError('A list of texts is expected.');
  const texts = message.map(String);
  const startedAt = performance.now();
  for (let at = 0; at < texts.length; at += batchSize) {
    await extract(texts.slice(at, at + batchSize), { pooling: 'mean', normalize: true });
  }
  process.send?.((performance.now() - startedAt) / 1000);
}
