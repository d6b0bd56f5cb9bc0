// Finds the browser to run: the configured one, else Puppeteer's own, else the machine's Chrome,
// Chromium or Edge.

import { delimiter, posix, win32 } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';

export type SearchContext = {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Where Puppeteer installs its browser; there may be none. */
  readonly puppeteerPath: () => Promise<string>;
  readonly isFile: (path: string) => boolean;
};

/** The path of an executable. @throws UsageError that says what to install. */
export async function findBrowser(context: SearchContext): Promise<string> {
  const { platform, environment, puppeteerPath, isFile } = context;
  const named = environment['PUPPETEER_EXECUTABLE_PATH'];
  if (named) {
    if (isFile(named)) return named;
    throw new UsageError(
      `PUPPETEER_EXECUTABLE_PATH is "${named}": there is no such file. ` +
        'Name a Chrome, Chromium or Edge executable, or leave it empty to search for one.',
    );
  }
  const own = await puppeteerPath().catch(() => '');
  const found = [own, ...systemPaths(context)].find((path) => path !== '' && isFile(path));
  if (found !== undefined) return found;
  throw new UsageError(
    'There is no browser on this machine. ' +
      'Install one: npx puppeteer browsers install chrome, ' +
      `or ${installHints[platform] ?? 'Chrome or Chromium'}. ` +
      'Or name one in PUPPETEER_EXECUTABLE_PATH.',
  );
}

const installHints: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'apt install chromium (Debian), dnf install chromium (Fedora), Google Chrome elsewhere',
  darwin: 'brew install --cask google-chrome',
  win32: 'winget install Google.Chrome (Edge works too, unless it was removed)',
};

/** The usual places of a browser, in order of preference. */
function systemPaths({ platform, environment, home }: SearchContext): readonly string[] {
  if (platform === 'darwin') {
    const names = ['Google Chrome', 'Chromium', 'Microsoft Edge'];
    return ['/Applications', posix.join(home, 'Applications')].flatMap((folder) =>
      names.map((name) => `${folder}/${name}.app/Contents/MacOS/${name}`),
    );
  }
  if (platform === 'win32') {
    const folders = ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap(
      (name) => environment[name] || [],
    );
    return [
      ['Google', 'Chrome', 'Application', 'chrome.exe'],
      ['Chromium', 'Application', 'chrome.exe'],
      ['Microsoft', 'Edge', 'Application', 'msedge.exe'],
    ].flatMap((path) => folders.map((folder) => win32.join(folder, ...path)));
  }
  const names = [
    'google-chrome-stable',
    'google-chrome',
    'chromium',
    'chromium-browser',
    'microsoft-edge-stable',
    'microsoft-edge',
  ];
  const folders = [
    ...(environment['PATH'] ?? '').split(delimiter),
    '/usr/bin',
    '/usr/local/bin',
    '/opt/google/chrome',
    '/snap/bin',
  ].filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => posix.join(folder, name)));
}
