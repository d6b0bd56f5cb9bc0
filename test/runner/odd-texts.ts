// Texts unlike any product, the same at every call: what a shop's visitors type, and worse.

export type OddTexts = { next(): number; oddTexts(count: number): string[] };

const signs = Array.from('abcdefghijklmnop 0123456789 äöüß 世界 ελλ рус 🎧 <>&%$#');

export function openRandom(seed: number): OddTexts {
  let state = seed;
  const next = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
  return {
    next,
    oddTexts: (count) =>
      Array.from({ length: count }, (_, n) =>
        Array.from(
          { length: 1 + Math.floor(next() * (n % 5 === 0 ? 800 : 40)) },
          () => signs[Math.floor(next() * signs.length)] ?? '',
        ).join(''),
      ),
  };
}
