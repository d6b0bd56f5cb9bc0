// The engine of lending: it gets a token first, works only the share that the person or the battery
// allows, and ends in order.

import { describe, expect, test } from 'vitest';
import type { RunnerOptions, RunnerPageStatus } from '#core/runner/page-status.ts';
import { CredentialNeededError } from '../../pages/lend/join-token.ts';
import { batteryShareMax, LendingEngine } from '../../pages/lend/lending.ts';
import type { PageSettings } from '../../pages/lend/read-page-config.ts';

const status: RunnerPageStatus = {
  state: 'working',
  since: 0,
  name: 'tab',
  device: 'wasm',
  dtype: 'q8',
  adapter: null,
  softwareAdapter: false,
  threads: 1,
  crossOriginIsolated: true,
  modelId: null,
  modelRevision: null,
  measured: [],
  progress: null,
  runnerId: 'r',
  textsEmbedded: 7,
  jobsDone: 1,
  textsPerSecond: 10,
  lastJobAt: null,
  restarts: 0,
  lastError: null,
  tokenRefused: false,
  history: [],
  memoryBytes: null,
};

const settings: PageSettings = {
  token: null,
  name: 'tab',
  device: 'auto',
  dtype: 'auto',
  speedupMin: 1.3,
  threads: 0,
  share: 0.5,
  savesBattery: true,
};

/** An engine with a fake runner, and a record of what the runner was asked to do. */
function lending(joinToken: (credential: string) => Promise<string> = async () => 'token') {
  const told: { options: RunnerOptions | null; shares: number[]; stopped: number } = {
    options: null,
    shares: [],
    stopped: 0,
  };
  const batteryWatchers: ((onBattery: boolean | null) => void)[] = [];
  const engine = new LendingEngine(settings, {
    joinToken,
    watchBattery: (tell) => {
      batteryWatchers.push(tell);
    },
    startRunner: (options) => {
      told.options = options;
      return {
        status,
        setShare: (share) => {
          told.shares.push(share);
        },
        stop: async () => {
          told.stopped += 1;
          options.onStatus({ ...status, state: 'stopped' });
        },
      };
    },
  });
  return {
    engine,
    told,
    setBattery: (onBattery: boolean) => batteryWatchers.forEach((tell) => tell(onBattery)),
  };
}

describe('lending a tab', () => {
  test('takes one click to join and one to leave, at full speed', async () => {
    const { engine, told } = lending();
    await engine.lend('');
    expect([engine.store.value.phase, told.options?.token, told.options?.share]).toEqual([
      'lending',
      'token',
      0.5,
    ]);
    told.options?.onStatus(status);
    expect(engine.store.value.status?.textsEmbedded).toBe(7);
    await engine.leave();
    expect([engine.store.value.phase, told.stopped, told.shares.at(-1)]).toEqual(['idle', 1, 1]);
    expect(engine.store.value.status?.textsEmbedded).toBe(7);
  });

  test('asks for a token or key when the gateway wants one, and uses it', async () => {
    const { engine, told } = lending(async (credential) => {
      if (credential === '') throw new CredentialNeededError('Paste one.');
      return credential;
    });
    await engine.lend('');
    expect(engine.store.value).toMatchObject({
      phase: 'idle',
      needsCredential: true,
      trouble: 'Paste one.',
    });
    await engine.lend(' vsj1.x ');
    expect(engine.store.value).toMatchObject({
      phase: 'lending',
      needsCredential: false,
      trouble: null,
    });
    expect(told.options?.token).toBe('vsj1.x');
  });

  test('works the allowed share, and less on battery unless that is switched off', async () => {
    const { engine, told, setBattery } = lending();
    setBattery(true);
    await engine.lend('');
    expect(told.options?.share).toBe(batteryShareMax);
    engine.throttle({ savesBattery: false });
    engine.throttle({ share: 0.8 });
    engine.throttle({ savesBattery: true });
    setBattery(false);
    expect(told.shares).toEqual([0.5, 0.8, batteryShareMax, 0.8]);
  });

  test('ends when the runner does, and says why when it failed', async () => {
    const { engine, told } = lending();
    await engine.lend('');
    told.options?.onStatus({
      ...status,
      state: 'failed',
      lastError: 'The gateway quarantined this runner.',
    });
    expect(engine.store.value).toMatchObject({
      phase: 'idle',
      trouble: 'The gateway quarantined this runner.',
    });
    await engine.leave();
    expect(told.stopped).toBe(0);
  });
});
