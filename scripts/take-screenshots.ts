// `npm run screenshots -- URL`: takes the pictures of README from the pages of a running gateway,
// usually that of `npm run demo`, in headless Chromium.

import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import puppeteer, { type Page } from 'puppeteer';

const folder = join(import.meta.dirname, '../docs/pictures');
const waitMsMax = 180_000;
const [url, ...only] = process.argv.slice(2);
if (url === undefined) throw new Error('Usage: npm run screenshots -- URL [NAME…]');
/** Of that gateway: the file runner-token in its data folder. */
const token = process.env['VECTORSTREAM_RUNNER_TOKEN'] ?? '';

type Picture = {
  readonly name: string;
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly colours: 'light' | 'dark';
  /** What the picture shows of the page; `null`: what a person sees at once. */
  readonly part: string | null;
  /** Brings the page into the state to show. */
  readonly prepare: (page: Page) => Promise<void>;
};

const query = 'keeps me dry in a storm';
const shopQuery = 'warm winter jacket';
const pictures: readonly Picture[] = [
  {
    name: 'demo',
    path: '/demo',
    width: 1280,
    height: 940,
    colours: 'light',
    part: '.explore',
    async prepare(page) {
      await page.click('form button[type=submit]');
      await page.waitForSelector('[data-phase=ready]');
      await page.type('#query', query);
      await page.waitForSelector(`.results[data-query="${query}"] .hit`);
      await page.waitForSelector('.map-link');
      await page.evaluate('document.activeElement.blur()');
    },
  },
  {
    name: 'home',
    path: '/',
    width: 1280,
    height: 900,
    colours: 'dark',
    part: null,
    async prepare(page) {
      // The last minute: events should be arriving.
      await (await page.waitForSelector('input[name=range]'))?.click();
      await page.waitForSelector('.chart-frame canvas');
      await page.waitForFunction(`document.querySelectorAll('.samples li').length > 3`);
      await page.waitForFunction(`!document.body.innerText.includes('measuring')`);
    },
  },
  {
    name: 'search',
    path: `/search?q=${encodeURIComponent(shopQuery)}`,
    width: 1280,
    height: 690,
    colours: 'light',
    part: null,
    prepare: async (page) => void (await page.waitForSelector('.hit')),
  },
  {
    name: 'dead-letters',
    path: '/dead-letters',
    width: 1280,
    height: 760,
    colours: 'light',
    part: null,
    prepare: async (page) => void (await page.waitForSelector('.failing')),
  },
  {
    name: 'fleet',
    path: '/fleet',
    width: 1280,
    height: 560,
    colours: 'dark',
    part: null,
    prepare: async (page) => void (await page.waitForSelector('tbody tr')),
  },
  {
    name: 'docs',
    path: '/docs#tag/search/POST/search',
    width: 1280,
    height: 760,
    colours: 'light',
    part: null,
    async prepare(page) {
      await page.waitForFunction(`document.body.innerText.includes('Search by meaning')`);
    },
  },
  {
    name: 'runner',
    path: `/lend?device=wasm&dtype=q8&name=a-friends-laptop#token=${token}`,
    width: 1000,
    height: 700,
    colours: 'dark',
    part: null,
    async prepare(page) {
      await page.waitForFunction(`window.vectorstream?.status.state === 'working'`);
      await sendTexts(400);
      await page.waitForFunction('vectorstream.status.textsEmbedded > 0');
    },
  },
];

/** Work for the fleet: the gateway has none of these texts yet. */
async function sendTexts(count: number): Promise<void> {
  const input = Array.from({ length: count }, (_, index) => `article ${Date.now()} ${index}`);
  const response = await fetch(`${url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'all-MiniLM-L6-v2', input }),
  });
  if (!response.ok) throw new Error(await response.text());
}

/** Resolves when nothing has been loaded for a while, and what it drew is shown. */
async function settled(page: Page): Promise<void> {
  // The stream of live messages stays open.
  await page.waitForNetworkIdle({ idleTime: 1_000, timeout: waitMsMax, concurrency: 1 });
  await page.evaluate('new Promise((drawn) => requestAnimationFrame(drawn))');
}

const executablePath = process.env['PUPPETEER_EXECUTABLE_PATH'];
const browser = await puppeteer.launch({
  ...(executablePath && { executablePath }),
  pipe: true,
  headless: 'shell',
  args: ['--no-sandbox', '--disable-features=WebGPU', '--font-render-hinting=none'],
  env: {
    ...process.env,
    // Without a locale, it names a language that Intl refuses.
    LANG: 'en_US.UTF-8',
    LANGUAGE: 'en_US',
    LD_LIBRARY_PATH: dirname(executablePath ?? ''),
  },
});
try {
  mkdirSync(folder, { recursive: true });
  for (const picture of pictures.filter(({ name }) => only.length === 0 || only.includes(name))) {
    const { name, path, width, height, colours, part, prepare } = picture;
    const page = await browser.newPage();
    page.setDefaultTimeout(waitMsMax);
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: colours }]);
    await page.goto(url + path, { waitUntil: 'load' });
    await prepare(page);
    await settled(page);
    const file = `${join(folder, name)}.webp` as const;
    const shown = part === null ? page : await page.$(part);
    await shown?.screenshot({ path: file, type: 'webp', quality: 85 });
    process.stdout.write(`${file}: ${Math.round(statSync(file).size / 1024)} KiB\n`);
    await page.close();
  }
} finally {
  await browser.close();
}
