// Lends this tab to the gateway's fleet with the runner of the runner page, and limits its work as
// the person wants.

import { speedupMinDefault } from '#core/runner/device-candidates.ts';
import type { RunnerHandle, RunnerOptions, RunnerPageStatus } from '#core/runner/page-status.ts';
import { Store } from '../shared/observable-store.ts';
import { messageOf } from './describe-session.ts';
import { CredentialNeededError } from './join-token.ts';

export type Lending = {
  readonly phase: 'idle' | 'asking' | 'lending' | 'leaving';
  /** The gateway wants a join token or an API key. */
  readonly needsCredential: boolean;
  /** What went wrong, in plain words. */
  readonly trouble: string | null;
  /** The runner's, or the last runner's; `null` before the first. */
  readonly status: RunnerPageStatus | null;
  /** The share of its time that the tab may work, 0.1…1. */
  readonly share: number;
  /** Works less while the machine runs on its battery. */
  readonly savesBattery: boolean;
  /** `null` where the browser does not report it. */
  readonly onBattery: boolean | null;
};

export type LendingDependencies = {
  readonly startRunner: (options: RunnerOptions) => RunnerHandle | Promise<RunnerHandle>;
  /** @throws CredentialNeededError */
  readonly joinToken: (credential: string) => Promise<string>;
  /** Calls back now and at every change; with `null` where the browser does not report it. */
  readonly watchBattery: (onChange: (onBattery: boolean | null) => void) => void;
};

/** The largest share of its time that a machine on its battery works. */
export const batteryShareMax = 0.25;

export class LendingEngine {
  readonly store = new Store<Lending>({
    phase: 'idle',
    needsCredential: false,
    trouble: null,
    status: null,
    share: 0.5,
    savesBattery: true,
    onBattery: null,
  });
  readonly #dependencies: LendingDependencies;
  #runner: RunnerHandle | null = null;

  constructor(dependencies: LendingDependencies) {
    this.#dependencies = dependencies;
    dependencies.watchBattery((onBattery) => this.#change({ onBattery }));
  }

  /** The share of its time that the tab works at present. */
  get #workingShare(): number {
    const { share, savesBattery, onBattery } = this.store.value;
    return savesBattery && onBattery === true ? Math.min(share, batteryShareMax) : share;
  }

  /** Does nothing unless idle. Never rejects: the store says what went wrong. */
  async lend(credential: string): Promise<void> {
    if (this.store.value.phase !== 'idle') return;
    this.store.set({ phase: 'asking', trouble: null, status: null });
    try {
      const token = await this.#dependencies.joinToken(credential.trim());
      this.store.set({ phase: 'lending', needsCredential: false });
      this.#runner = await this.#dependencies.startRunner({
        token,
        name: 'demo page',
        device: 'auto',
        dtype: 'auto',
        speedupMin: speedupMinDefault,
        threads: 0,
        share: this.#workingShare,
        onStatus: (status) => this.#onStatus(status),
      });
      // The share may have changed while the runner started.
      this.#runner.setShare(this.#workingShare);
    } catch (error) {
      this.store.set({
        phase: 'idle',
        trouble: messageOf(error),
        needsCredential: this.store.value.needsCredential || error instanceof CredentialNeededError,
      });
    }
  }

  /** Finishes the work in progress, at full speed, and leaves the fleet. */
  async leave(): Promise<void> {
    const runner = this.#runner;
    if (runner === null || this.store.value.phase !== 'lending') return;
    this.store.set({ phase: 'leaving' });
    runner.setShare(1);
    await runner.stop();
    this.#onEnd();
  }

  throttle(changes: Partial<Pick<Lending, 'share' | 'savesBattery'>>): void {
    this.#change(changes);
  }

  #change(changes: Partial<Lending>): void {
    this.store.set(changes);
    if (this.store.value.phase === 'lending') this.#runner?.setShare(this.#workingShare);
  }

  #onStatus(status: RunnerPageStatus): void {
    this.store.set({ status });
    if (status.state === 'failed')
      this.store.set({ trouble: status.lastError ?? 'The runner cannot go on.' });
    // The gateway may drain the runner too.
    if (status.state === 'failed' || status.state === 'stopped') this.#onEnd();
  }

  #onEnd(): void {
    this.#runner = null;
    this.store.set({ phase: 'idle' });
  }
}
