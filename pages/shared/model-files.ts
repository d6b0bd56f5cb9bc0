// Reads the gateway's model and the runtime, from Cache Storage or else from the gateway, and
// counts the bytes on their way.

import { VectorStreamError } from '#core/errors/errors.ts';
import { filesOf, ModelFileError, openModel, type Model } from '#core/model/model-manifest.ts';
import type { LoadProgress } from './worker-messages.ts';

/** The gateway cannot be asked, or does not have what is needed. */
export class DownloadError extends VectorStreamError {
  override readonly name = 'DownloadError';
  readonly code = 'download';
  readonly retryable = true;
}

/** Also of one that happened in a worker. */
export const isDownloadError = (error: unknown): error is VectorStreamError =>
  error instanceof VectorStreamError && error.code === 'download';

/** `GET /models/current`. */
export type CurrentModel = {
  readonly model_id: string;
  readonly revision: string;
  /** Those that the gateway has. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
};

/** @throws DownloadError */
export async function currentModel(): Promise<CurrentModel> {
  const address = new URL('/models/current', location.origin).href;
  using patience = new Patience(address);
  const response = await request(address, patience, { cache: 'no-cache' });
  const current: CurrentModel = await response.json().catch((cause: unknown) => {
    throw patience.reason(cause);
  });
  return current;
}

export const modelAddress = (revision: string): string => `${location.origin}/models/${revision}`;

/** Reads files by their address; each one once. */
export class FileLoader {
  readonly #onProgress: (progress: LoadProgress) => void;
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  #loadedBytes = 0;
  #totalBytes = 0;
  #cached = true;

  constructor(onProgress: (progress: LoadProgress) => void) {
    this.#onProgress = onProgress;
  }

  /** Bytes that are yet to come. */
  expect(bytes: number): void {
    this.#totalBytes += bytes;
  }

  /** What was read, as it was read. */
  fileAt(address: string): Uint8Array<ArrayBuffer> | null {
    return this.#files.get(address) ?? null;
  }

  forget(): void {
    this.#files.clear();
  }

  /** @throws DownloadError */
  async load(address: string): Promise<Uint8Array<ArrayBuffer>> {
    const before = this.#files.get(address);
    if (before !== undefined) return before;
    const cache = await caches.open(cacheOf(address)).catch(() => null);
    const found = await cache?.match(address);
    if (found === undefined) this.#cached = false;
    using patience = new Patience(address);
    const bytes = await this.#read(found ?? (await request(address, patience)), patience);
    // A full disk is no reason not to work.
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

  async #read(response: Response, patience: Patience): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of response.body ?? []) {
        patience.renew();
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
      throw patience.reason(cause);
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }
}

const pieceMsMax = 30_000;
const cachePrefix = 'vectorstream-';
const modelCache = (revision: string): string => `${cachePrefix}model-${revision}`;
const runtimeCache = `${cachePrefix}runtime`;

/** Files of a model by its revision, all else the runtime's. */
function cacheOf(address: string): string {
  const [, revision] = /\/models\/([0-9a-f]{64})\//.exec(address) ?? [];
  return revision === undefined ? runtimeCache : modelCache(revision);
}

/**
 * The gateway's model, its manifest's hash checked, with a reader that goes through `loader`; other
 * models' files are thrown out.
 *
 * @throws DownloadError, ModelFileError
 */
export async function openCurrentModel(loader: FileLoader, dtype: string): Promise<Model> {
  const { revision, files } = await currentModel();
  const model = await openModel((path) => loader.load(`${modelAddress(revision)}/${path}`));
  if (model.revision !== revision) {
    await caches.delete(modelCache(revision));
    throw new DownloadError(
      `The model's manifest is not the one that the gateway names: its hash is ${model.revision}, not ${revision}.`,
    );
  }
  const bytesOf = new Map(files.map(({ path, bytes }) => [path, bytes]));
  for (const path of filesOf(model.manifest, dtype)) {
    const bytes = bytesOf.get(path);
    if (bytes === undefined)
      throw new ModelFileError(
        `The gateway does not have ${path}: it has not downloaded ${dtype} of ${model.manifest.modelId}.`,
      );
    loader.expect(bytes);
  }
  for (const name of await caches.keys()) {
    if (name.startsWith(modelCache('')) && name !== modelCache(revision)) await caches.delete(name);
  }
  return model;
}

/**
 * Sees to it that this browser has the WebAssembly of the runtime, of `bytes` bytes; older ones are
 * thrown out. Its bytes only where the browser's own cache does not hold it: from there it comes
 * with the machine code that it was compiled to before, a second or two sooner. @throws
 * DownloadError
 */
export async function loadRuntime(
  loader: FileLoader,
  address: string,
  bytes: number,
): Promise<ArrayBuffer | null> {
  if (await isKept(address)) return null;
  loader.expect(bytes);
  const { buffer } = await loader.load(address);
  const cache = await caches.open(runtimeCache).catch(() => null);
  for (const { url } of (await cache?.keys()) ?? []) if (url !== address) await cache?.delete(url);
  return (await isKept(address)) ? null : buffer;
}

/** By the browser's own cache, which may drop it at any time. */
async function isKept(address: string): Promise<boolean> {
  const kept = await fetch(address, { cache: 'only-if-cached', mode: 'same-origin' }).catch(
    () => null,
  );
  await kept?.body?.cancel();
  return kept?.ok === true;
}

/** Damaged files must not stay. */
export async function forgetCachedModels(): Promise<void> {
  for (const name of await caches.keys())
    if (name.startsWith(cachePrefix)) await caches.delete(name);
}

/**
 * Bounds every wait for the next piece of what is loaded: a connection may stay open, and nothing
 * come of it.
 */
class Patience implements Disposable {
  readonly #address: string;
  readonly #over = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(address: string) {
    this.#address = address;
    this.renew();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  renew(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#over.abort(), pieceMsMax);
  }

  /** Why loading failed. */
  reason(cause: unknown): DownloadError {
    return new DownloadError(
      this.signal.aborted
        ? `Nothing came of ${this.#address} for ${pieceMsMax / 1000} s.`
        : `The connection broke while ${this.#address} was loaded.`,
      { cause },
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

async function request(
  address: string,
  patience: Patience,
  init: RequestInit = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, { ...init, signal: patience.signal });
  } catch (cause) {
    throw patience.signal.aborted
      ? patience.reason(cause)
      : new DownloadError(`The gateway cannot be reached for ${address}.`, { cause });
  }
  if (!response.ok)
    throw new DownloadError(`The gateway answered ${response.status} for ${address}.`);
  return response;
}
