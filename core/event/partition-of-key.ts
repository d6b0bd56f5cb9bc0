// Maps all records of one key to one partition, which is the same in every process and release.

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

function fnv1a(bytes: Uint8Array): number {
  let hash = offsetBasis;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, prime);
  return hash >>> 0;
}

/** 0…count-1. Logs on disk depend on it: a change would break the order of a key's records. */
export function partitionOf(key: Uint8Array, count: number): number {
  return fnv1a(key) % count;
}

/** Chooses a partition for each record: by its key, or in turn for records without a key. */
export function createPartitioner(count: number): (key: Uint8Array | null) => number {
  let turn = -1;
  return (key) => {
    if (key !== null) return partitionOf(key, count);
    turn = (turn + 1) % count;
    return turn;
  };
}
