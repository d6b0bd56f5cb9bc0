// Holds the list of planted bugs together with the code and the documentation.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutations } from './mutations.ts';

const root = join(import.meta.dirname, '..', '..');

test.each(mutations)('its source text occurs exactly once: $bug', ({ file, find }) => {
  expect(readFileSync(join(root, file), 'utf8').split(find)).toHaveLength(2);
});

test.each(mutations)('the documentation lists the bug: $bug', ({ bug, file, test: name }) => {
  const page = readFileSync(join(root, 'docs', 'guarantees.md'), 'utf8');
  expect(page.replaceAll(/ +/g, ' ')).toContain(`| ${bug} | \`${file}\` | \`${name}\` |`);
});
