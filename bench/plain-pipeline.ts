// A process that embeds texts as the documentation of transformers.js shows, and measures the time.
//
// Arguments: folder of the model, number of threads. It receives lists of texts, and answers each
// list with the seconds that it took.

import { basename, dirname } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';

const batchSize = 32;
const [folder = '', threads = ''] = process.argv.slice(2);

env.localModelPath = `${dirname(folder)}/`;
env.allowRemoteModels = false;
const extract = await pipeline('feature-extraction', basename(folder), {
  dtype: 'fp32',
  session_options: {
    // ONNX Runtime itself uses one thread per core of the machine, but it also counts cores that
    // this process may not use.
    intraOpNumThreads: Number(threads),
    // The shipped file has 8-bit weights. They are dequantised once, while loading, so that this
    // computes as with a file of floats.
    extra: { session: { disable_quant_qdq: '1' } },
  },
});

process.on('message', (message) => void answer(message));
// The channel closes when the parent process ends, however it ends.
process.on('disconnect', () => process.exit());

async function answer(message: unknown): Promise<void> {
  if (!Array.isArray(message)) throw new TypeError('A message must be a list of texts.');
  const texts = message.map(String);
  const startedAt = performance.now();
  for (let at = 0; at < texts.length; at += batchSize) {
    await extract(texts.slice(at, at + batchSize), { pooling: 'mean', normalize: true });
  }
  process.send?.((performance.now() - startedAt) / 1000);
}
