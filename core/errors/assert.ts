// Stops the program at a broken invariant, which is always a bug.

/** @throws Error when `condition` is false. Do not catch it: an invariant is broken. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`${message}. This is a bug in VectorStream.`);
}

/**
 * The item at `index`, which must exist. Use it where the code around it guarantees the index; a
 * wrong index then ends in an error instead of a default value.
 */
export function at<T>(items: ArrayLike<T>, index: number): T {
  const item = items[index];
  assert(
    item !== undefined && index < items.length,
    `Index ${index} is outside of ${items.length} items`,
  );
  return item;
}
