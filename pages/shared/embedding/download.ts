// Downloads from the gateway, and gives up a download that stalls.

import { VectorStreamError } from '#core/errors/errors.ts';
import { Timeout } from './timeout.ts';

/** The gateway cannot be reached, or does not have what is needed. */
export class DownloadError extends VectorStreamError {
  override readonly name = 'DownloadError';
  readonly code = 'download';
  readonly retryable = true;
}

/** Also true for a `DownloadError` that a worker reported. */
export const isDownloadError = (error: unknown): error is VectorStreamError =>
  error instanceof VectorStreamError && error.code === 'download';

/** The longest wait for the next piece of a download. */
const idleMsMax = 30_000;

/** One download. Dispose it when the last byte has come, or when reading fails. */
export class Download implements Disposable {
  readonly #address: string;
  readonly #stalled = new AbortController();
  readonly #timeout = new Timeout(idleMsMax, () => this.#stalled.abort());

  constructor(address: string) {
    this.#address = address;
  }

  /** @throws DownloadError when the gateway cannot be reached or does not answer with success */
  async start(init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.#address, { ...init, signal: this.#stalled.signal });
    } catch (cause) {
      throw this.#stalled.signal.aborted
        ? this.failure(cause)
        : new DownloadError(`The gateway cannot be reached for ${this.#address}.`, { cause });
    }
    if (!response.ok)
      throw new DownloadError(`The gateway answered ${response.status} for ${this.#address}.`);
    return response;
  }

  /** A piece has come: the wait for the next one begins. */
  progressed(): void {
    this.#timeout.restart();
  }

  /** Why reading the answer failed. */
  failure(cause: unknown): DownloadError {
    return new DownloadError(
      this.#stalled.signal.aborted
        ? `No data came from ${this.#address} for ${idleMsMax / 1000} s.`
        : `The connection broke while ${this.#address} was loading.`,
      { cause },
    );
  }

  [Symbol.dispose](): void {
    this.#timeout[Symbol.dispose]();
  }
}
