// Makes the demo work without a network: caches the page's own files and the last answer on the
// gateway's current model.

/**
 * The build writes it at the head of this script: the addresses of the page's files, and one hash
 * over all of them.
 */
declare const precache: { readonly version: string; readonly files: readonly string[] };
declare const clients: { claim(): Promise<void> };
declare function skipWaiting(): Promise<void>;

type ExtendableEvent = Event & { waitUntil(work: Promise<unknown>): void };
type FetchEvent = ExtendableEvent & {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
};
const isExtendable = (event: Event): event is ExtendableEvent => 'waitUntil' in event;
const isFetch = (event: Event): event is FetchEvent => 'respondWith' in event;

// The embedding worker keeps model and runtime in caches of their own.
const prefix = 'demo-';
const cacheName = prefix + precache.version;
/** This script is beside the page, perhaps below a path. */
const pathOf = (address: string): string => new URL(address, location.href).pathname;
const page = pathOf('demo');
const currentModel = pathOf('models/current');
/** The cache answers when the gateway has not answered within this time. */
const answerMsMax = 4_000;
const files = precache.files.map(pathOf);
const precached: ReadonlySet<string> = new Set(files);

addEventListener('install', (event) => {
  if (!isExtendable(event)) return;
  event.waitUntil(
    caches
      .open(cacheName)
      .then((cache) =>
        cache.addAll(
          [...files, page, currentModel].map(
            (address) => new Request(address, { cache: 'no-cache' }),
          ),
        ),
      )
      .then(skipWaiting),
  );
});

addEventListener('activate', (event) => {
  if (!isExtendable(event)) return;
  event.waitUntil(forgetOlderVersions().then(() => clients.claim()));
});

// All other requests go to the network as usual.
addEventListener('fetch', (event) => {
  if (!isFetch(event) || event.request.method !== 'GET') return;
  const { origin, pathname } = new URL(event.request.url);
  if (origin !== location.origin) return;
  if (pathname === page || pathname === currentModel)
    event.respondWith(networkFirst(event.request, pathname));
  else if (precached.has(pathname)) event.respondWith(cacheFirst(event.request, pathname));
});

async function forgetOlderVersions(): Promise<void> {
  for (const name of await caches.keys())
    if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
}

/** The gateway's answer; the cached one while the gateway cannot be reached. */
async function networkFirst(request: Request, pathname: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(answerMsMax) });
    // The cached page stays the one that its cached files belong to: a newer page installs a newer
    // service worker.
    if (response.ok && pathname === currentModel) await cache.put(pathname, response.clone());
    return response;
  } catch (error) {
    const cached = await cache.match(pathname);
    if (cached === undefined) throw error;
    return cached;
  }
}

/** A file's name changes with its content, so a cached file is never out of date. */
async function cacheFirst(request: Request, pathname: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(pathname)) ?? fetch(request);
}
