// Plants bug number VECTORSTREAM_MUTATION in programs and workers that Node starts from files. The
// files on disk do not change.

import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mutations } from './mutations.ts';

const mutation = mutations[Number(process.env['VECTORSTREAM_MUTATION'])];
const planted =
  mutation && pathToFileURL(join(import.meta.dirname, '..', '..', mutation.file)).href;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (mutation === undefined || url.split('?')[0] !== planted) return loaded;
    const source =
      typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
    return { ...loaded, source: source.replace(mutation.find, () => mutation.replace) };
  },
});
