// Cuts a list into parts of a bounded size, such as the batches that a store accepts.

/**
 * Cuts a list into parts, in order; only the last part may be smaller. An empty list has no parts.
 *
 *     partsOf([1, 2, 3], 2); // [[1, 2], [3]]
 */
export function partsOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  );
}
