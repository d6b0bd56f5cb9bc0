// Sends all records of one key to one partition, the same one in every process and release.

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

export function fnv1a(bytes: Uint8Array): number {
  let hash = offsetBasis;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, prime);
  return hash >>> 0;
}

/** 0…count-1. Logs on disk rely on it: another function would break the order of a key's records. */
export function partitionOf(key: Uint8Array, count: number): number {
  return fnv1a(key) % count;
}

/** Chooses a partition per record: by key, and in turn for records without one. */
export function createPartitioner(count: number): (key: Uint8Array | null) => number {
  let turn = -1;
  return (key) => {
    if (key !== null) return partitionOf(key, count);
    turn = (turn + 1) % count;
    return turn;
  };
}
