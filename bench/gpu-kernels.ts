// A program that runs a graph on WebGPU twice, each time with one text of eight tokens, and has the
// runtime name its kernels on standard error. A line with the given word comes before the second
// run.
//
// Arguments: the graph's file, the word.

import { InferenceSession, Tensor } from 'onnxruntime-node';
import { sessionOptions } from '#core/transformers/model-session.ts';

const [file = '', secondRun = ''] = process.argv.slice(2);
const session = await InferenceSession.create(file, {
  ...sessionOptions({ dtype: 'fp32', threads: 0 }),
  executionProviders: ['webgpu'],
  // Everything.
  logSeverityLevel: 0,
});
const row = (values: bigint[]) => new Tensor('int64', BigInt64Array.from(values), [1, 8]);
const run = () =>
  session.run({
    input_ids: row([101n, 2417n, 12856n, 2005n, 1996n, 3829n, 2313n, 102n]),
    attention_mask: row(Array.from({ length: 8 }, () => 1n)),
  });
await run();
process.stderr.write(`${secondRun}\n`);
await run();
// Does not wait for the session's disposal, because some drivers hang in it.
process.exit(0);
