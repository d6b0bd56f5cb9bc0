// Serves the browser pages, their assets, and the files of the model: a tab needs no other host.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { getPath } from 'hono/utils/url';
import { goldenFile, manifestFile } from '#core/model/model-manifest.ts';
import type { AppEnv } from '../app-env.ts';
import { CompressedCopies } from '../compressed-copies.ts';
import { problemResponse } from '../middleware/problem-response.ts';
import type { Services } from '../services.ts';
import { answerFile } from '../static-file.ts';

/** The page to which the alerts link. */
const runbooks = join(import.meta.dirname, '../../../docs/operations.md');

/** One page of several views, which it tells apart by their paths. */
const consolePage = 'console/index.html';
/** Files by path, below the built pages: a page, or a service worker. */
const pages: Readonly<Record<string, string>> = {
  '/search': consolePage,
  '/fleet': consolePage,
  '/dead-letters': consolePage,
  '/lend': 'lend/index.html',
  '/runner': 'lend/index.html',
  '/demo': 'demo/index.html',
  '/design': 'design/index.html',
  '/demo-offline.js': 'demo-offline.js',
  '/favicon.ico': 'favicon.svg',
  '/docs': 'docs/index.html',
  '/docs/api-reference.js': 'docs/api-reference.js',
};

export function pageRoutes(app: OpenAPIHono<AppEnv>, { pagesFolder, model }: Services): void {
  const compressed = new CompressedCopies(model.compressedFolder);
  const assets = filesBelow(join(pagesFolder, 'assets'));

  for (const [path, file] of Object.entries(pages)) {
    app.get(
      path,
      async (c) =>
        (await answerFile(c, { path: join(pagesFolder, file), cache: 'revalidate' })) ??
        notBuilt(c),
    );
  }
  app.get(
    '/docs/operations.md',
    async (c) =>
      (await answerFile(c, { path: runbooks, cache: 'revalidate' })) ??
      problemResponse(c, {
        status: 404,
        code: 'not_found',
        detail: 'This installation has no docs/operations.md.',
      }),
  );
  app.get('/assets/:file', async (c) => {
    const name = c.req.param('file');
    const answer = (await assets()).has(name)
      ? await answerFile(c, { path: join(pagesFolder, 'assets', name), cache: 'immutable' })
      : null;
    return (
      answer ??
      problemResponse(c, {
        status: 404,
        code: 'not_found',
        detail:
          'This file does not exist; the page that requests it is older than this installation. ' +
          'Reload the page.',
      })
    );
  });

  app.get('/models/current', async (c) => {
    const paths = [manifestFile, ...Object.keys(model.manifest.files)];
    const files = await Promise.all(
      paths.map(async (path) => ({
        path,
        bytes: (await stat(join(model.folder, path)).catch(() => null))?.size ?? null,
      })),
    );
    c.header('Cache-Control', 'no-cache');
    // A graph of a model from Hugging Face exists once a runner of this machine has needed it.
    return c.json({
      model_id: model.manifest.modelId,
      revision: model.revision,
      files: files.filter(({ bytes }) => bytes !== null),
    });
  });
  app.get('/models/:revision/:path{.+}', async (c) => {
    const { revision, path } = c.req.param();
    const hash = Object.hasOwn(model.manifest.files, path) ? model.manifest.files[path] : undefined;
    const known =
      revision === model.revision &&
      (path === manifestFile || hash !== undefined || path === goldenFile);
    const file = join(model.folder, path);
    const copies = known && hash !== undefined ? await compressed.of(file, hash) : file;
    const answer = known ? await answerFile(c, { path: file, copies, cache: 'immutable' }) : null;
    return (
      answer ??
      problemResponse(c, {
        status: 404,
        code: 'not_found',
        detail: 'This gateway does not have this model file; GET /models/current lists the files.',
      })
    );
  });
}

/**
 * `GET /`: the console for a browser, and the paths as JSON for any other client.
 *
 * @param listed the JSON
 */
export function rootRoute(
  app: OpenAPIHono<AppEnv>,
  { pagesFolder, config }: Services,
  listed: () => object,
): void {
  const { basePath } = config.gateway;
  app.get('/', async (c) => {
    c.header('Vary', 'Accept', { append: true });
    const supports = ['application/json', 'text/html'];
    const type = accepts(c, { header: 'Accept', supports, default: 'application/json' });
    if (type !== 'text/html') return c.json(listed());
    // The page asks for its files by relative addresses.
    if (basePath !== '/' && getPath(c.req.raw) === basePath) return c.redirect(`${basePath}/`);
    const path = join(pagesFolder, consolePage);
    return (await answerFile(c, { path, cache: 'revalidate' })) ?? c.json(listed());
  });
}

const notBuilt = (c: Context<AppEnv>): Response =>
  problemResponse(c, {
    status: 503,
    code: 'pages_not_built',
    detail: 'The web pages of this installation are not built: run `npm run build`.',
  });

/** The file names in a folder, read again after a change: a new build has new names. */
function filesBelow(folder: string): () => Promise<ReadonlySet<string>> {
  let read: { readonly at: number; readonly names: ReadonlySet<string> } = {
    at: -1,
    names: new Set(),
  };
  return async () => {
    const at = (await stat(folder).catch(() => null))?.mtimeMs ?? -1;
    if (at !== read.at)
      read = {
        at,
        names: new Set(
          (await readdir(folder).catch(() => [])).filter((name) => !/\.(br|gz)$/.test(name)),
        ),
      };
    return read.names;
  };
}
