// Makes the page of the API reference: Scalar's browser script, taken out of the package that
// carries it, and a page that starts it without asking any other host.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

const require = createRequire(import.meta.url);
/** The package holds the script as one string literal, and does not export it. */
const literal = /^var standalone_default = ("(?:[^"\\]|\\.)*")/m;

/** Every default that would load something from elsewhere, or send something there, is off. */
const settings = {
  url: '/openapi.json',
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

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>VectorStream API</title>
</head>
<body>
<noscript>This page needs JavaScript; <a href="/openapi.json">openapi.json</a> has all that it shows.</noscript>
<script id="api-reference" type="application/json" data-configuration="${JSON.stringify(settings).replaceAll('"', '&quot;')}"></script>
<script src="/docs/api-reference.js"></script>
</body>
</html>
`;

export function writeApiReference(folder: string): void {
  const found = literal.exec(
    readFileSync(require.resolve('@scalar/fastify-api-reference'), 'utf8'),
  )?.[1];
  if (found === undefined)
    throw new Error(
      '@scalar/fastify-api-reference no longer holds its script as the string that scripts/write-api-reference.ts looks for.',
    );
  const script = String(runInNewContext(found)).replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
  mkdirSync(join(folder, 'docs'), { recursive: true });
  writeFileSync(join(folder, 'docs', 'api-reference.js'), script);
  writeFileSync(join(folder, 'docs', 'index.html'), page);
}
