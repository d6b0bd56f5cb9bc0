// The kept inputs of each target: valid ones to start from, and those that once found something,
// each in its own file.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Binary inputs are stored as hexadecimal digits, so that a change to them is readable. */
const hexEnding = '.hex';
const folderOf = (target: string): string => join(import.meta.dirname, 'corpus', target);

export type Kept = { readonly name: string; readonly input: Buffer };

export function readCorpus(target: string): Kept[] {
  return readdirSync(folderOf(target))
    .toSorted()
    .map((name) => {
      const file = readFileSync(join(folderOf(target), name));
      return {
        name,
        input: name.endsWith(hexEnding)
          ? Buffer.from(file.toString().replaceAll(/\s/g, ''), 'hex')
          : file,
      };
    });
}

/** Returns the file's name; the same input gets the same one. */
export function keepInput(target: string, prefix: 'found' | 'failing', input: Buffer): string {
  const isText = Buffer.from(input.toString()).equals(input) && !input.includes(0);
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 10);
  const name = `${prefix}-${hash}${isText ? '.txt' : hexEnding}`;
  mkdirSync(folderOf(target), { recursive: true });
  writeFileSync(
    join(folderOf(target), name),
    isText ? input : `${input.toString('hex').replaceAll(/.{80}/g, '$&\n')}\n`,
  );
  return name;
}
