// Decisions of a browser runner that start nothing: options, the browser, its flags, candidates and
// memory.

import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../browser-runner/browser-runner-options.ts';
import { findBrowser, type SearchContext } from '../../browser-runner/find-browser.ts';
import { browserCandidates, browserMemoryMax } from '../../browser-runner/launch-candidates.ts';
import { launchFlags, type LaunchRequest } from '../../browser-runner/launch-flags.ts';

const parse = (argv: string[], environment: Record<string, string> = {}) =>
  parseOptions(argv, environment, { hostName: 'shop', terminal: false });

const contextWith = (over: Partial<SearchContext>, ...files: string[]): SearchContext => ({
  platform: 'linux',
  environment: { PATH: '/usr/bin' },
  home: '/me',
  puppeteerPath: () => Promise.resolve('/cache/chrome'),
  isFile: (path) => files.includes(path),
  ...over,
});
const flags = (over: Partial<LaunchRequest>) =>
  launchFlags({
    platform: 'linux',
    graphics: 'gpu',
    origins: ['https://a'],
    sandbox: true,
    trustedKeys: [],
    ...over,
  });

describe('options', () => {
  test('defaults', () => {
    expect(parse([])).toEqual({
      gatewayUrls: ['ws://127.0.0.1:8080'],
      token: null,
      dataDir: '.vectorstream',
      device: 'auto',
      dtype: 'auto',
      speedupMin: 1.3,
      threads: 'auto',
      runners: 1,
      name: 'shop',
      adapter: 'auto',
      memoryMib: 'auto',
      sandbox: 'auto',
      executablePath: null,
      tlsCa: null,
      logLevel: 'info',
      logFormat: 'json',
    });
  });

  test('gateways may be given as http, https, ws or wss addresses', () => {
    expect(parse([], { VECTORSTREAM_GATEWAY_URL: 'https://a, ws://b:1,https://a' })).toMatchObject({
      gatewayUrls: ['https://a', 'ws://b:1'],
    });
    expect(
      parse(['--runners', '3', '--memory-max', '900'], { VECTORSTREAM_BROWSER_MEMORY: '100' }),
    ).toMatchObject({ runners: 3, memoryMib: 900 });
    expect(parse(['--help'])).toBe('help');
  });

  test.each([
    [['--device', 'cuda'], {}, '--device is "cuda": expected one of auto, webgpu, wasm.'],
    [
      [],
      { VECTORSTREAM_RUNNER_DEVICE: 'cpu' },
      'VECTORSTREAM_RUNNER_DEVICE is "cpu": expected one of auto, webgpu, wasm.',
    ],
    [['--runners', '0'], {}, '--runners is "0": expected auto or a whole number from 1 to 64.'],
    [['--gateway', 'ftp://a'], {}, '--gateway is "ftp://a": expected addresses such as'],
    [
      ['--gateway', 'https://a/?token=x'],
      {},
      '--gateway has an address with a user, a password, a query or a fragment (at a)',
    ],
    [
      [],
      { VECTORSTREAM_BROWSER_SANDBOX: 'no' },
      'VECTORSTREAM_BROWSER_SANDBOX is "no": expected one of auto, on, off.',
    ],
    [['--nonsense'], {}, "Unknown option '--nonsense'. See --help."],
  ])('%j with %j says what is allowed', (argv, environment, message) => {
    expect(() => parse(argv, environment)).toThrow(message);
  });
});

describe('the browser', () => {
  test('is the configured one, or none', async () => {
    const named = { PUPPETEER_EXECUTABLE_PATH: '/opt/chrome', PATH: '/usr/bin' };
    expect(
      await findBrowser(contextWith({ environment: named }, '/opt/chrome', '/cache/chrome')),
    ).toBe('/opt/chrome');
    await expect(findBrowser(contextWith({ environment: named }, '/cache/chrome'))).rejects.toThrow(
      'PUPPETEER_EXECUTABLE_PATH is "/opt/chrome": there is no such file.',
    );
  });

  test("is Puppeteer's, else the machine's", async () => {
    expect(await findBrowser(contextWith({}, '/usr/bin/chromium', '/cache/chrome'))).toBe(
      '/cache/chrome',
    );
    expect(await findBrowser(contextWith({}, '/usr/bin/chromium'))).toBe('/usr/bin/chromium');
    expect(
      await findBrowser(
        contextWith(
          { puppeteerPath: () => Promise.reject(new Error('no cache')) },
          '/usr/bin/chromium',
          '/usr/bin/google-chrome',
        ),
      ),
    ).toBe('/usr/bin/google-chrome');
    expect(
      await findBrowser(
        contextWith(
          { platform: 'darwin' },
          '/me/Applications/Chromium.app/Contents/MacOS/Chromium',
        ),
      ),
    ).toBe('/me/Applications/Chromium.app/Contents/MacOS/Chromium');
    const edge = 'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe';
    expect(
      await findBrowser(
        contextWith(
          { platform: 'win32', environment: { 'PROGRAMFILES(X86)': 'C:\\Program Files (x86)' } },
          edge,
        ),
      ),
    ).toBe(edge);
  });

  test('is missing in one line that says what to install', async () => {
    await expect(findBrowser(contextWith({}))).rejects.toThrow(
      /^There is no browser on this machine\. .* or apt install chromium .*EXECUTABLE_PATH\.$/,
    );
    await expect(findBrowser(contextWith({ platform: 'darwin' }))).rejects.toThrow(
      'brew install --cask google-chrome',
    );
    await expect(findBrowser(contextWith({ platform: 'win32' }))).rejects.toThrow(
      'winget install Google.Chrome',
    );
  });
});

describe('flags', () => {
  test('reach the GPU: over Vulkan on Linux, with the same few flags elsewhere', () => {
    expect(flags({})).toEqual([
      '--enable-unsafe-webgpu',
      '--ignore-gpu-blocklist',
      '--use-angle=vulkan',
      '--enable-features=Vulkan',
      '--disable-vulkan-surface',
      '--enable-gpu',
      '--enable-dawn-features=vulkan_enable_f16_on_nvidia',
    ]);
    for (const platform of ['darwin', 'win32'] as const)
      expect(flags({ platform })).toEqual(['--enable-unsafe-webgpu', '--ignore-gpu-blocklist']);
  });

  test('emulate a GPU only on request', () => {
    expect(flags({ graphics: 'software' })).toEqual([
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
    ]);
    expect(flags({ graphics: 'none' })).toEqual(['--disable-gpu']);
  });

  test('make a plain HTTP page a secure context, and trust only the given keys', () => {
    expect(flags({ graphics: 'none', origins: ['http://a:1', 'https://b'] })).toContain(
      '--unsafely-treat-insecure-origin-as-secure=http://a:1',
    );
    expect(flags({ graphics: 'none', trustedKeys: ['abc=', 'def='] })).toContain(
      '--ignore-certificate-errors-spki-list=abc=,def=',
    );
    expect(flags({ graphics: 'none', sandbox: false })).toContain('--no-sandbox');
    expect(flags({}).join()).not.toMatch(/no-sandbox|certificate|insecure/);
  });
});

test('a possible GPU is tried before the processor; a forced device is the only one tried', () => {
  const auto = { device: 'auto', dtype: 'auto', adapter: 'auto' } as const;
  expect(browserCandidates(auto, true).map(({ device, graphics }) => [device, graphics])).toEqual([
    ['auto', 'gpu'],
    ['wasm', 'none'],
  ]);
  expect(browserCandidates(auto, false).map(({ device, graphics }) => [device, graphics])).toEqual([
    ['wasm', 'none'],
  ]);
  expect(
    browserCandidates({ ...auto, device: 'webgpu' }, false).map(({ graphics }) => graphics),
  ).toEqual(['gpu']);
  expect(
    browserCandidates({ ...auto, device: 'webgpu', adapter: 'software' }, true).map(
      ({ graphics }) => graphics,
    ),
  ).toEqual(['software']);
  expect(
    browserCandidates({ ...auto, device: 'wasm', adapter: 'software' }, true).map(
      ({ graphics }) => graphics,
    ),
  ).toEqual(['none']);
});

test('browsers share three quarters of the memory, each at most 4 GiB', () => {
  expect(browserMemoryMax('auto', 2 ** 31, 2)).toBe((2 ** 31 * 3) / 8);
  expect(browserMemoryMax('auto', 2 ** 37, 1)).toBe(2 ** 32);
  expect(browserMemoryMax(700, 2 ** 37, 4)).toBe(700 * 2 ** 20);
});
