// Starts the demo page: connects its engines to real workers, the browser's clock and its adapter.

import { render } from 'preact';
import { isDownloadError } from '../shared/embedding/download.ts';
import { startEmbedding } from '../shared/embedding/embedding-client.ts';
import { findAdapter } from '../shared/embedding/gpu-adapter.ts';
import { insecurePage } from '../shared/insecure-page.ts';
import { retryWhileUnavailable } from '../shared/tab-runner/retry-while-unavailable.ts';
import { ComparisonEngine } from './comparison.ts';
import { choiceFor, sessionChoices } from './demo-candidates.ts';
import { Demo } from './demo.tsx';
import { WorkbenchEngine } from './workbench.ts';

const now = (): number => performance.now();
/** Waits for a gateway that does not answer, and says so meanwhile. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  let isTold = false;
  const onTrouble = (trouble: string): void => {
    isTold = true;
    workbench.store.set({ trouble });
  };
  const done = await retryWhileUnavailable(work, { isUnavailable: isDownloadError, onTrouble });
  if (isTold) workbench.store.set({ trouble: null });
  return done;
}
const workbench = new WorkbenchEngine({
  start: (request, signal) => retried(() => startEmbedding(request, signal)),
  choices: () => retried(sessionChoices),
  now,
});
const comparison = new ComparisonEngine({
  // What embedded the list is proven already.
  start: async (request, signal) =>
    (await workbench.borrowSession(request)) ?? startEmbedding(request, signal),
  now,
  adapter: findAdapter,
  choiceFor,
  isSecure: isSecureContext,
});

const app = document.getElementById('app') ?? document.body;
app.replaceChildren();
render(
  isSecureContext ? (
    <Demo workbench={workbench} comparison={comparison} />
  ) : (
    <p role="alert">{insecurePage}</p>
  ),
  app,
);

// Only for use without a network: the page works without the service worker as well.
if ('serviceWorker' in navigator)
  addEventListener(
    'load',
    () => void navigator.serviceWorker.register('demo-offline.js').catch(() => undefined),
  );
