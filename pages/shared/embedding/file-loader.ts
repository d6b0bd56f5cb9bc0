// Reads the files of the model and of the runtime, each once, from Cache Storage or else from the
// gateway, and reports progress in bytes.

import { Download } from './download.ts';
import { cacheOf } from './model-caches.ts';
import type { LoadProgress } from './worker-messages.ts';

export class FileLoader {
  readonly #onProgress: (progress: LoadProgress) => void;
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  #loadedBytes = 0;
  #totalBytes = 0;
  #cached = true;

  constructor(onProgress: (progress: LoadProgress) => void) {
    this.#onProgress = onProgress;
  }

  /** Adds bytes that are still to come to the total. */
  expect(bytes: number): void {
    this.#totalBytes += bytes;
  }

  /** The bytes that `load` read from this address; `null` before that. */
  fileAt(address: string): Uint8Array<ArrayBuffer> | null {
    return this.#files.get(address) ?? null;
  }

  /** Frees the memory of all files. */
  forget(): void {
    this.#files.clear();
  }

  /** @throws DownloadError */
  async load(address: string): Promise<Uint8Array<ArrayBuffer>> {
    const before = this.#files.get(address);
    if (before !== undefined) return before;
    const cache = await caches.open(cacheOf(address)).catch(() => null);
    const found = await cache?.match(address).catch(() => undefined);
    if (found === undefined) this.#cached = false;
    using download = new Download(address);
    const bytes = await this.#read(found ?? (await download.start()), download);
    // A full disk only means that the next visit downloads the file again.
    if (found === undefined)
      await cache
        ?.put(
          address,
          new Response(bytes, { headers: { 'Content-Type': 'application/octet-stream' } }),
        )
        .catch(() => undefined);
    this.#files.set(address, bytes);
    return bytes;
  }

  async #read(response: Response, download: Download): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of response.body ?? []) {
        download.progressed();
        chunks.push(chunk);
        length += chunk.length;
        this.#loadedBytes += chunk.length;
        this.#onProgress({
          loadedBytes: this.#loadedBytes,
          totalBytes: Math.max(this.#totalBytes, this.#loadedBytes),
          cached: this.#cached,
        });
      }
    } catch (cause) {
      throw download.failure(cause);
    }
    const bytes = new Uint8Array(length);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  }
}
