// Sets transformers.js up for a page: the runtime from given addresses, and no file but those that
// the page has read itself.

import { env } from '@huggingface/transformers';

export type BrowserRuntime = {
  /** Absolute addresses of the runtime's module and of its WebAssembly. */
  readonly addresses: { readonly mjs: string; readonly wasm: string };
  /**
   * What is at `addresses.wasm`; `null`: the browser has it itself, with the machine code that it
   * once compiled it to.
   */
  readonly wasm: ArrayBuffer | null;
  readonly threads: number;
  /**
   * A file of the model by its address; `null` for one that the model does not have. Nothing else
   * is ever fetched.
   */
  readonly fileAt: (address: string) => Uint8Array<ArrayBuffer> | null;
};

/** Before the first session of this worker. */
export function setUpBrowserRuntime({ addresses, wasm, threads, fileAt }: BrowserRuntime): void {
  // It would load the module through a blob: address, which the pages' policy forbids.
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

/** Once a session is open: the compiled runtime needs its 27 MB of bytes no more. */
export function forgetRuntimeFile(): void {
  Object.assign(env.backends.onnx.wasm ?? {}, { wasmBinary: undefined });
}

/** The GPU device of the session that was opened in this worker. */
export async function sessionDevice(): Promise<GPUDevice | null> {
  const device: unknown = await env.backends.onnx.webgpu?.device;
  return device instanceof GPUDevice ? device : null;
}
