// Declares the constants that the build puts into the pages.

/// <reference types="vite/client" />

/** Size of the runtime's WebAssembly after decompression, in bytes. */
declare const RUNTIME_BYTES: number;
