// The page of the design system shows every token and every building block that pages share.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { colours, forms } from '../../pages/design/design-tokens.ts';

const read = (path: string): string =>
  readFileSync(join(import.meta.dirname, '../../pages', path), 'utf8');

/** The names in all matches of the pattern's group. */
const namesIn = (text: string, pattern: RegExp): readonly string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
];

test('every custom property that the style sheets define is among the tokens', () => {
  const css = read('shared/style.css') + read('shared/components.css');
  const shown = Object.keys({ ...colours, ...forms });
  expect(shown.toSorted()).toEqual(namesIn(css, /^\s*(--[\w-]+):/gm).toSorted());
});

test('every shared component is shown', () => {
  const files = ['components.tsx', 'qr-code.tsx', 'time-chart.tsx'];
  const shared = files.flatMap((file) =>
    namesIn(read(`shared/${file}`), /^export function ([A-Z]\w+)/gm),
  );
  expect(shared.length).toBeGreaterThan(10);
  expect(namesIn(read('design/design-page.tsx'), /<([A-Z]\w+)/g)).toEqual(
    expect.arrayContaining([...shared]),
  );
});
