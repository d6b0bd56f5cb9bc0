// Lends this tab to the gateway's fleet through the runner page's own runner, throttled as the
// person wants, until it leaves.

import type { RunnerHandle, RunnerOptions, RunnerPageStatus } from '#core/runner/page-status.ts';
import { CredentialNeededError } from './join-token.ts';
import { Store } from './observable-store.ts';
import { reasonOf } from './workbench.ts';

export type Lending = {
  readonly phase: 'idle' | 'asking' | 'lending' | 'leaving';
  /** The gateway wants a join token or an API key. */
  readonly needsCredential: boolean;
  /** Why it did not work, in plain words. */
  readonly trouble: string | null;
  /** Of the present lending, or of the last one; `null` before the first. */
  readonly status: RunnerPageStatus | null;
  /** Most of its time that the tab may work, 0.1…1. */
  readonly share: number;
  /** Work less while the machine runs on its battery. */
  readonly sparesBattery: boolean;
  /** `null` where the browser does not tell. */
  readonly onBattery: boolean | null;
};

export type LendingParts = {
  readonly startRunner: (options: RunnerOptions) => RunnerHandle | Promise<RunnerHandle>;
  /** @throws CredentialNeededError */
  readonly joinToken: (credential: string) => Promise<string>;
  /** Tells now and at every change; `null` where the browser does not tell. */
  readonly watchBattery: (tell: (onBattery: boolean | null) => void) => void;
};

/** Most of its time that a machine on its battery works. */
export const batteryShare = 0.25;

export class LendingEngine {
  readonly store = new Store<Lending>({
    phase: 'idle',
    needsCredential: false,
    trouble: null,
    status: null,
    share: 0.5,
    sparesBattery: true,
    onBattery: null,
  });
  readonly #parts: LendingParts;
  #runner: RunnerHandle | null = null;

  constructor(parts: LendingParts) {
    this.#parts = parts;
    parts.watchBattery((onBattery) => this.#change({ onBattery }));
  }

  /** Share of its time that the tab works now. */
  get workingShare(): number {
    const { share, sparesBattery, onBattery } = this.store.value;
    return sparesBattery && onBattery === true ? Math.min(share, batteryShare) : share;
  }

  /** Never rejects: what went wrong is told. */
  async lend(credential: string): Promise<void> {
    if (this.store.value.phase !== 'idle') return;
    this.store.set({ phase: 'asking', trouble: null, status: null });
    try {
      const token = await this.#parts.joinToken(credential.trim());
      this.store.set({ phase: 'lending', needsCredential: false });
      this.#runner = await this.#parts.startRunner({
        token,
        name: 'demo page',
        device: 'auto',
        dtype: 'auto',
        threads: 0,
        share: this.workingShare,
        onStatus: (status) => this.#follow(status),
      });
      // The battery may have changed while it started.
      this.#runner.setShare(this.workingShare);
    } catch (error) {
      this.store.set({
        phase: 'idle',
        trouble: reasonOf(error),
        needsCredential: this.store.value.needsCredential || error instanceof CredentialNeededError,
      });
    }
  }

  /** Finishes what is in hand, at full speed, and leaves the fleet. */
  async leave(): Promise<void> {
    const runner = this.#runner;
    if (runner === null || this.store.value.phase !== 'lending') return;
    this.store.set({ phase: 'leaving' });
    runner.setShare(1);
    await runner.stop();
    this.#ended();
  }

  throttle(changes: Partial<Pick<Lending, 'share' | 'sparesBattery'>>): void {
    this.#change(changes);
  }

  #change(changes: Partial<Lending>): void {
    this.store.set(changes);
    if (this.store.value.phase === 'lending') this.#runner?.setShare(this.workingShare);
  }

  #follow(status: RunnerPageStatus): void {
    this.store.set({ status });
    if (status.state === 'failed')
      this.store.set({ trouble: status.lastError ?? 'The runner cannot go on.' });
    // The gateway may end it as well.
    if (status.state === 'failed' || status.state === 'stopped') this.#ended();
  }

  #ended(): void {
    this.#runner = null;
    this.store.set({ phase: 'idle' });
  }
}
