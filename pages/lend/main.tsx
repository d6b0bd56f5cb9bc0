// Starts the page with which a tab, or a headless browser, embeds for the fleet.

import { render } from 'preact';
import { idleStatus } from '../shared/tab-runner/status-board.ts';
import { startRunner } from '../shared/tab-runner/tab-runner.ts';
import { watchBattery } from './battery.ts';
import { joinTokenFor } from './join-token.ts';
import { LendPage } from './lend-page.tsx';
import { LendingEngine } from './lending.ts';
import { readPageConfig } from './read-page-config.ts';

const settings = readPageConfig();
const engine = new LendingEngine(settings, {
  startRunner,
  joinToken: joinTokenFor,
  watchBattery,
});
const idle = idleStatus(settings.name);
window.vectorstream = {
  get status() {
    return engine.store.value.status ?? idle;
  },
  stop: () => engine.leave(),
};
const app = document.getElementById('app') ?? document.body;
app.replaceChildren();
render(<LendPage engine={engine} name={settings.name} />, app);
if (settings.token !== null) void engine.lend();
