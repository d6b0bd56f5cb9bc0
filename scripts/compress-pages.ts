// Writes a Brotli and a gzip copy of each built file that becomes smaller, so that the gateway
// never compresses.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const smallBytesMax = 2 ** 20;
/** Smaller files save less than their headers cost. */
const bytesMin = 512;

/** Compresses all files below `folder`. Large files get Brotli quality 5: 11 takes too long. */
export async function compressPages(folder: string): Promise<void> {
  const files = readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => !/\.(br|gz|map)$/.test(file) && statSync(file).isFile());
  await Promise.all(
    files.map(async (file) => {
      const bytes = readFileSync(file);
      if (bytes.length < bytesMin) return;
      const small = bytes.length <= smallBytesMax;
      const brotli = {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: small ? 11 : 5,
          [constants.BROTLI_PARAM_LGWIN]: 24,
          [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        },
      };
      const copies = {
        br: await promisify(brotliCompress)(bytes, brotli),
        gz: await promisify(gzip)(bytes, { level: small ? 9 : 6 }),
      };
      for (const [name, copy] of Object.entries(copies))
        if (copy.length < bytes.length * 0.95) writeFileSync(`${file}.${name}`, copy);
    }),
  );
}
