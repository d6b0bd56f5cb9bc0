// Repeatable random numbers: the same key gives the same numbers on every machine, fast enough for
// millions of events.

export type Random = {
  /** 0 ≤ x < 1, 32 bits. */
  next(): number;
  /** An integer, 0 ≤ x < bound. */
  below(bound: number): number;
  /** A random item of a non-empty list. */
  pick<T>(list: readonly T[]): T;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** A version 4 UUID. */
  uuid(): string;
};

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

const group = (value: number): string =>
  `${hex[value >>> 24]}${hex[(value >>> 16) & 255]}${hex[(value >>> 8) & 255]}${hex[value & 255]}`;

/** Seeded by integers. `random(seed, index)` and `random(seed, index + 1)` are independent. */
export function random(...key: readonly number[]): Random {
  // sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes BigCrush.
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let counter = 1;
  const bits = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (const part of key) {
    a ^= part | 0;
    b ^= Math.floor(part / 2 ** 32) | 0;
    for (let round = 0; round < 12; round += 1) bits();
  }

  const next = (): number => bits() / 2 ** 32;
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    next,
    below,
    pick(list) {
      const item = list[below(list.length)];
      if (item === undefined) throw new RangeError('pick() needs a list that is not empty');
      return item;
    },
    chance: (probability) => next() < probability,
    uuid() {
      const second = group(((bits() & 0xffff0fff) | 0x4000) >>> 0);
      const third = group(((bits() & 0x3fffffff) | 0x80000000) >>> 0);
      const middle = `${second.slice(0, 4)}-${second.slice(4)}-${third.slice(0, 4)}`;
      return `${group(bits())}-${middle}-${third.slice(4)}${group(bits())}`;
    },
  };
}
