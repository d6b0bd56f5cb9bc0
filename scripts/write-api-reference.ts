// Makes the page of the API reference: Scalar's browser script, taken from its package, and a page
// that starts it without contacting any other host.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

const require = createRequire(import.meta.url);
/** For pages without an icon of their own, and for browsers that ask for favicon.ico. */
const icon = join(import.meta.dirname, '../pages/shared/icon.svg');
/** The package contains the script as one string literal, and does not export it. */
const literal = /^var standalone_default = ("(?:[^"\\]|\\.)*")/m;

/** Turns off every default that loads from, or sends to, another host. */
const settings = {
  url: 'openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: 'never',
  showToolbar: 'never',
  hideClientButton: true,
  mcp: { disabled: true },
  agent: { disabled: true },
  defaultOpenAllTags: false,
  documentDownloadType: 'direct',
  metaData: { title: 'VectorStream API' },
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
};

const configuration = JSON.stringify(settings).replaceAll('"', '&quot;');

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>VectorStream API</title>
<link rel="icon" href="favicon.ico">
</head>
<body>
<noscript>This page needs JavaScript; see <a href="openapi.json">openapi.json</a>.</noscript>
<script id="api-reference" type="application/json" data-configuration="${configuration}"></script>
<script src="docs/api-reference.js"></script>
</body>
</html>
`;

/**
 * Runs in the browser, before the script. Where storage is refused, as in some private windows, the
 * page remembers its choices until it is closed; the script alone would end with an error.
 */
function keepChoicesInMemory(): void {
  for (const name of ['localStorage', 'sessionStorage']) {
    try {
      Reflect.get(globalThis, name);
    } catch {
      const kept = new Map<string, string>();
      const value = {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem: (key: string, text: string) => void kept.set(key, text),
        removeItem: (key: string) => void kept.delete(key),
        clear: () => kept.clear(),
      };
      Object.defineProperty(globalThis, name, { value });
    }
  }
}

export function writeApiReference(folder: string): void {
  const found = literal.exec(
    readFileSync(require.resolve('@scalar/fastify-api-reference'), 'utf8'),
  )?.[1];
  if (found === undefined)
    throw new Error(
      '@scalar/fastify-api-reference no longer contains its script as the string that ' +
        'scripts/write-api-reference.ts looks for.',
    );
  const script = String(runInNewContext(found)).replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
  mkdirSync(join(folder, 'docs'), { recursive: true });
  copyFileSync(icon, join(folder, 'favicon.svg'));
  const reference = `(${keepChoicesInMemory.toString()})();\n${script}`;
  writeFileSync(join(folder, 'docs', 'api-reference.js'), reference);
  writeFileSync(join(folder, 'docs', 'index.html'), page);
}
