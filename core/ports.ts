// The contracts of VectorStream: the data that flows through it, and a port for each part that does
// I/O. Read this file first, then the files that it lists, in their order.
//
//     EventSource ──► pipeline ──► EmbeddingService ──► VectorStore
//                        └───────► DeadLetters
//
// A port is a type; an adapter is a function that returns one. Each port has an adapter in memory
// (core/memory), which is its reference implementation, and a conformance suite (test/conformance)
// that every adapter passes.
//
// Three kinds of failure are never mixed. Bad input is a value (`Rejection`). Trouble is a typed
// error that says whether the same call may succeed later (`retryable`). A broken invariant is an
// assertion that stops the program.
//
// A port that was disposed is not used again, except where it says so. The adapters in memory
// assert that their callers keep the limits stated here.

// The path of an event, from a record to its outcome.
export * from './ports/events.ts';
export type * from './ports/event-log.ts';
// What was stored.
export type * from './ports/stored-records.ts';
export * from './ports/store-queries.ts';
export type * from './ports/provenance.ts';
export * from './ports/erasure.ts';
export type * from './ports/runner-block.ts';
export type * from './ports/product-catalogue.ts';
export type * from './ports/search-rules.ts';
export type * from './ports/store.ts';
// What could not be stored.
export * from './ports/dead-letter-queue.ts';
// Who embeds.
export type * from './ports/runners.ts';
// The clock of all of them.
export type * from './ports/time.ts';
