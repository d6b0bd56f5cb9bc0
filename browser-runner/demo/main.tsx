// Puts the demo together: real workers, the browser's own clock and adapter.
import { render } from 'preact';
import { findAdapter } from '../page/adapter.ts';
import { startEmbedding } from '../page/embedding-client.ts';
import { choiceOf, sessionChoices } from './choices.ts';
import { ComparisonEngine } from './comparison.ts';
import { Demo } from './demo.tsx';
import { WorkbenchEngine } from './workbench.ts';

const now = (): number => performance.now();
const workbench = new WorkbenchEngine({ start: startEmbedding, choices: sessionChoices, now });
const comparison = new ComparisonEngine({
  start: startEmbedding, now, adapter: findAdapter, isSecure: isSecureContext,
  choiceFor: async (device) => choiceOf(device, device === 'webgpu' ? await findAdapter() : null),
});


const app = document.getElementById('app') ?? document.body;
app.replaceChildren();
render(<Demo workbench={workbench} comparison={comparison} />, app);

// Without it the page works as well, only not without a network.
if ('serviceWorker' in navigator) addEventListener('load', () => void navigator.serviceWorker.register('/demo-offline.js').catch(() => undefined));
