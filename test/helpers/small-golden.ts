// The shipped model with only a few short golden texts, for a software GPU that takes seconds for
// one text.

import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseGolden, parseManifest } from '#core/model/model-manifest.ts';

const shipped = join(import.meta.dirname, '../../models/all-MiniLM-L6-v2');

/** Writes it to `folder`, and resolves to that folder. */
export async function modelWithFewGoldenTexts(folder: string, texts = 3): Promise<string> {
  const manifest = parseManifest(await readFile(join(shipped, 'manifest.json'), 'utf8'));
  const golden = parseGolden(await readFile(join(shipped, 'golden.json'), 'utf8'));
  const { 'golden.json': _, ...files } = manifest.files;
  const cases = golden.cases
    .filter(({ text }) => text.length > 10 && text.length < 40)
    .slice(0, texts);
  await mkdir(folder, { recursive: true });
  for (const file of Object.keys(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await symlink(join(shipped, file), join(folder, file));
  }
  await writeFile(join(folder, 'golden.json'), JSON.stringify({ ...golden, cases }));
  await writeFile(
    join(folder, 'manifest.json'),
    JSON.stringify({ ...manifest, golden: 'local', files }),
  );
  return folder;
}
