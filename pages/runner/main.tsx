// Starts the page with which a tab, or a headless browser, embeds for the fleet.

import { render } from 'preact';
import type { RunnerPageStatus } from '#core/runner/page-status.ts';
import { idleStatus } from '../shared/tab-runner/status-board.ts';
import { startRunner } from '../shared/tab-runner/tab-runner.ts';
import { readPageConfig } from './read-page-config.ts';
import { RunnerView } from './runner-view.tsx';
import { TokenForm } from './token-form.tsx';

const root = document.getElementById('app') ?? document.body;
const settings = readPageConfig();

function lend(token: string): void {
  const runner = startRunner({
    ...settings,
    token,
    onStatus: (status) => show(status),
  });
  const show = (status: RunnerPageStatus): void =>
    render(<RunnerView status={status} onStop={() => void runner.stop()} />, root);
  window.vectorstream = runner;
  show(runner.status);
}

if (settings.token !== null) {
  lend(settings.token);
} else {
  window.vectorstream = { status: idleStatus(settings.name), stop: async () => undefined };
  render(<TokenForm onToken={(token) => lend(token)} />, root);
}
