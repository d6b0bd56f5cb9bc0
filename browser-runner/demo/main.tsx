// The page that embeds in itself: nothing that is typed here leaves the browser.

import { render } from 'preact';
import { startEmbedding } from '../page/embedding-client.ts';

async function measure(): Promise<void> {
  const output = document.querySelector('output') ?? document.body;
  const embedding = await startEmbedding({
    device: 'wasm', dtype: 'q8', threads: 0, measureMs: 300,
    onProgress: ({ loadedBytes, totalBytes }) => { output.textContent = `${Math.floor(loadedBytes * 100 / totalBytes)} %`; },
  });
  output.textContent = `${Math.round(embedding.info.textsPerSecond)} texts/s`;
  embedding.dispose();
}

render(
  <main><h1>VectorStream demo</h1><button type="button" onClick={() => void measure()}>Measure</button> <output /></main>,
  document.getElementById('app') ?? document.body,
);
