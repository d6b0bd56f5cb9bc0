// QR codes of the pages. That cameras read them was checked with a decoder; here a known code, the
// sizes and the limit are held.

import { expect, test } from 'vitest';
import { qrMatrix } from '../../pages/shared/qr-matrix.ts';

const drawn = (text: string): readonly string[] =>
  (qrMatrix(text) ?? []).map((row) => row.map((dark) => (dark ? '#' : '.')).join(''));

test('a known text has its known code', () => {
  expect(drawn('VectorStream')).toEqual([
    '#######.....#.#######',
    '#.....#.#.#.#.#.....#',
    '#.###.#...##..#.###.#',
    '#.###.#..#.#..#.###.#',
    '#.###.#.#..##.#.###.#',
    '#.....#..###..#.....#',
    '#######.#.#.#.#######',
    '.....................',
    '#.#.#.#.....#...#..#.',
    '#..#...###.#....#..##',
    '...##.#...##..#######',
    '..##......###...#..##',
    '.####.####.#.#..#..##',
    '........##.#.#...#...',
    '#######.....#..###.##',
    '#.....#..##....##..#.',
    '#.###.#.#.##....##.#.',
    '#.###.#..####...#..#.',
    '#.###.#.##.######.#.#',
    '#.....#.........#..#.',
    '#######.###.#..#...##',
  ]);
});

test('the code grows with the text, up to a limit', () => {
  const sizes = [14, 15, 62, 106, 107, 213, 214, 666].map((n) => qrMatrix('x'.repeat(n))?.length);
  expect(sizes).toEqual([21, 25, 33, 41, 45, 57, 61, 97]);
  expect(qrMatrix('x'.repeat(667))).toBeNull();
});
