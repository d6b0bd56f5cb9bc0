// Lends this tab to the gateway's fleet: gets a token, keeps a runner going, limits its work as the
// person wants, and says in plain words what is wrong.

import type { RunnerHandle, RunnerOptions, RunnerPageStatus } from '#core/runner/page-status.ts';
import { Store } from '../shared/observable-store.ts';
import {
  isRetryable,
  retryWhileUnavailable,
} from '../shared/tab-runner/retry-while-unavailable.ts';
import { runnerToken } from '../shared/tab-secrets.ts';
import { CredentialNeededError } from './join-token.ts';
import type { PageSettings } from './read-page-config.ts';

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
  readonly startRunner: (options: RunnerOptions) => RunnerHandle;
  /** @throws CredentialNeededError, or a retryable error while the gateway cannot be reached */
  readonly joinToken: (credential: string) => Promise<string>;
  /** Calls back now and at every change; with `null` where the browser does not report it. */
  readonly watchBattery: (onChange: (onBattery: boolean | null) => void) => void;
};

/** The largest share of its time that a machine on its battery works. */
export const batteryShareMax = 0.25;

export class LendingEngine {
  readonly store: Store<Lending>;
  readonly #dependencies: LendingDependencies;
  readonly #settings: PageSettings;
  /** The token that worked last, or that the page was opened with. */
  #token: string | null;
  #runner: RunnerHandle | null = null;
  #asking = new AbortController();

  constructor(settings: PageSettings, dependencies: LendingDependencies) {
    this.#settings = settings;
    this.#dependencies = dependencies;
    this.#token = settings.token;
    const { share, savesBattery } = settings;
    this.store = new Store<Lending>({
      phase: 'idle',
      needsCredential: false,
      trouble: null,
      status: null,
      share,
      savesBattery,
      onBattery: null,
    });
    dependencies.watchBattery((onBattery) => this.#change({ onBattery }));
  }

  /** The share of its time that the tab works at present. */
  get #workingShare(): number {
    const { share, savesBattery, onBattery } = this.store.value;
    return savesBattery && onBattery === true ? Math.min(share, batteryShareMax) : share;
  }

  /**
   * Does nothing unless idle. '' uses the token of the page's address, or asks the gateway for one.
   * Never rejects: the store says what went wrong.
   */
  async lend(credential = ''): Promise<void> {
    if (this.store.value.phase !== 'idle') return;
    this.store.set({ phase: 'asking', trouble: null, status: null });
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    try {
      const given = credential.trim();
      const token = given === '' && this.#token !== null ? this.#token : await this.#ask(given);
      signal.throwIfAborted();
      this.#token = token;
      // A reload then joins again. What the gateway gives to anybody is asked for again.
      if (given !== '') runnerToken.write(token);
      this.store.set({ phase: 'lending', needsCredential: false, trouble: null });
      const { name, device, dtype, speedupMin, threads } = this.#settings;
      this.#runner = this.#dependencies.startRunner({
        token,
        name,
        device,
        dtype,
        speedupMin,
        threads,
        share: this.#workingShare,
        onStatus: (status) => this.#onStatus(status),
      });
    } catch (error) {
      this.store.set({
        phase: 'idle',
        trouble: signal.aborted ? null : messageOf(error),
        needsCredential: this.store.value.needsCredential || error instanceof CredentialNeededError,
      });
    }
  }

  /** Finishes the work in progress, at full speed, and leaves the fleet. */
  async leave(): Promise<void> {
    this.#asking.abort();
    const runner = this.#runner;
    if (runner === null || this.store.value.phase !== 'lending') return;
    this.store.set({ phase: 'leaving' });
    runnerToken.forget();
    runner.setShare(1);
    await runner.stop();
    this.#onEnd();
  }

  throttle(changes: Partial<Pick<Lending, 'share' | 'savesBattery'>>): void {
    this.#change(changes);
  }

  /** Asks for a token until the gateway answers. */
  #ask(credential: string): Promise<string> {
    return retryWhileUnavailable(() => this.#dependencies.joinToken(credential), {
      signal: this.#asking.signal,
      isUnavailable: isRetryable,
      onTrouble: (trouble) => this.store.set({ trouble }),
    });
  }

  #change(changes: Partial<Lending>): void {
    this.store.set(changes);
    if (this.store.value.phase === 'lending') this.#runner?.setShare(this.#workingShare);
  }

  #onStatus(status: RunnerPageStatus): void {
    this.store.set({ status, trouble: status.state === 'working' ? null : status.lastError });
    if (status.tokenRefused) {
      this.#token = null;
      this.store.set({ needsCredential: true });
    }
    // The gateway may drain the runner too.
    if (status.state === 'failed' || status.state === 'stopped') this.#onEnd();
  }

  #onEnd(): void {
    this.#runner = null;
    this.store.set({ phase: 'idle' });
  }
}

/** What a part of the page gets. */
export type LendProps = { readonly engine: LendingEngine; readonly lending: Lending };

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
