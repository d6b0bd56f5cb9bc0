// Sets up transformers.js in a page: the runtime comes from given URLs, and model files only from
// what the page has already read.

import { env } from '@huggingface/transformers';

export type BrowserRuntime = {
  /** Absolute addresses of the runtime's module and of its WebAssembly. */
  readonly addresses: { readonly mjs: string; readonly wasm: string };
  /**
   * The bytes at `addresses.wasm`; `null`: the browser loads them itself, with the machine code
   * that it has cached.
   */
  readonly wasm: ArrayBuffer | null;
  readonly threads: number;
  /**
   * A file of the model by its URL; `null` for a file that the model does not have. Nothing is
   * fetched.
   */
  readonly fileAt: (address: string) => Uint8Array<ArrayBuffer> | null;
};

/** Sets up the runtime. Call it before the first session of this worker. */
export function setUpBrowserRuntime({ addresses, wasm, threads, fileAt }: BrowserRuntime): void {
  // That cache would load the module from a blob: URL, which the pages' content policy forbids.
  env.useWasmCache = false;
  env.useBrowserCache = false;
  env.useCustomCache = true;
  env.customCache = {
    match: async (address: string) => {
      const bytes = fileAt(address);
      return bytes === null
        ? undefined
        : new Response(bytes, { headers: { 'Content-Length': String(bytes.length) } });
    },
    put: async () => undefined,
  };
  env.fetch = async () => new Response(null, { status: 404 });
  Object.assign(env.backends.onnx.wasm ?? {}, {
    wasmPaths: addresses,
    wasmBinary: wasm ?? undefined,
    numThreads: threads,
  });
}

/** Call once a session is open: the compiled runtime no longer needs its 27 MB of bytes. */
export function forgetRuntimeFile(): void {
  Object.assign(env.backends.onnx.wasm ?? {}, { wasmBinary: undefined });
}

/** The GPU device of the session that was opened in this worker. */
export async function sessionDevice(): Promise<GPUDevice | null> {
  const device: unknown = await env.backends.onnx.webgpu?.device;
  return device instanceof GPUDevice ? device : null;
}
