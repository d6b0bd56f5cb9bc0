// What the build puts into the pages.

/// <reference types="vite/client" />

/** Size of the runtime's WebAssembly, bytes, as it is after decompression. */
declare const RUNTIME_BYTES: number;
