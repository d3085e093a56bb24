// A real VS Code without a download of its own: the npm package code-server (VS Code's server and workbench).
// Used by `npm start` where no `code` is on the PATH, and by the tests that need a real editor.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const CODE_SERVER_VERSION = '4.139.1';
/** code-server's release asks for exactly this major; ours may be older. */
const NODE_VERSION = '24';
/** The server prints its line within two seconds on a laptop; a loaded CI machine takes longer. */
const START_DEADLINE_MS = 60_000;

const projectFolder = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Where downloads live that outlast a run: $LIVEMOUNT_CACHE, else `.cache` of the project (git-ignored). */
export const cacheFolder = process.env.LIVEMOUNT_CACHE
  ? path.resolve(process.env.LIVEMOUNT_CACHE)
  : path.join(projectFolder, '.cache');

/**
 * Installs code-server and the Node it wants into the cache, once.
 * No install script runs: neither needs a native build for what we use.
 * @returns {Promise<{ node: string, serverMain: string }>}
 */
export async function installCodeServer(log = () => {}) {
  const home = path.join(cacheFolder, `code-server-${CODE_SERVER_VERSION}`);
  const installed = {
    node: path.join(home, `node_modules/node-linux-${process.arch}/bin/node`),
    serverMain: path.join(home, 'node_modules/code-server/lib/vscode/out/server-main.js'),
  };
  if (await exists(home)) return installed;

  log(`installing code-server ${CODE_SERVER_VERSION} into ${home} (once)`);
  await mkdir(cacheFolder, { recursive: true });
  const staging = await mkdtemp(path.join(cacheFolder, 'code-server-staging-'));
  try {
    await writeFile(path.join(staging, 'package.json'), '{"private":true}\n');
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const packages = [`code-server@${CODE_SERVER_VERSION}`, `node-linux-${process.arch}@${NODE_VERSION}`];
    await run('npm', ['install', ...quiet, ...packages], { cwd: staging });
    const vscode = path.join(staging, 'node_modules/code-server/lib/vscode');
    for (const folder of [vscode, path.join(vscode, 'extensions')]) {
      await run('npm', ['install', '--omit=dev', ...quiet], { cwd: folder });
    }
    // The rename makes the installation appear whole or not at all.
    await rename(staging, home);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    if (!(await exists(home))) throw error;
  }
  return installed;
}

/**
 * Starts VS Code's server on a free loopback port with a data folder of its own.
 * @param {{ env?: Record<string, string>, settings?: object, extensions?: string[],
 *           log?: (line: string) => void }} [options] `extensions`: VSIX files to install first.
 * @returns {Promise<{ port: number, dataFolder: string, url(query: Record<string, string>): string,
 *                     stop(): Promise<void> }>}
 */
export async function startCodeServer(options = {}) {
  const log = options.log ?? (() => {});
  const { node, serverMain } = await installCodeServer(log);
  // Also into an installation that an older version of this file made.
  const spdlog = path.resolve(serverMain, '../../node_modules/@vscode/spdlog/index.js');
  await copyFile(path.join(projectFolder, 'scripts/spdlog.cjs'), spdlog);
  const dataFolder = await mkdtemp(path.join(tmpdir(), 'livemount-vscode-'));
  const common = [
    '--server-data-dir',
    dataFolder,
    '--accept-server-license-terms',
    '--telemetry-level',
    'off',
  ];
  try {
    await mkdir(path.join(dataFolder, 'data/Machine'), { recursive: true });
    await writeFile(
      path.join(dataFolder, 'data/Machine/settings.json'),
      JSON.stringify({ ...quietSettings, ...options.settings }),
    );
    for (const vsix of options.extensions ?? []) {
      const { stdout } = await run(node, [serverMain, ...common, '--install-extension', vsix]);
      log(stdout.trim());
    }
    const port = await freePort();
    const server = spawn(
      node,
      [
        serverMain,
        ...common,
        '--without-connection-token',
        '--host',
        '127.0.0.1',
        '--port',
        String(port),
        '--disable-workspace-trust',
        '--enable-smoke-test-driver',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...options.env } },
    );
    await listening(server, log);
    return {
      port,
      dataFolder,
      url: (query) => `http://127.0.0.1:${port}/?${new URLSearchParams(query)}`,
      async stop() {
        await stopGroup(server);
        await rm(dataFolder, { recursive: true, force: true, maxRetries: 5 });
      },
    };
  } catch (error) {
    await rm(dataFolder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The `payload` of a page that loads an extension from a folder and, with `tests`, runs a test entry in its host.
 * Paths are this machine's. `--enable-smoke-test-driver` is what makes the workbench honour it.
 */
export function developmentPayload(port, { extension, tests }) {
  const remote = (file) => `vscode-remote://127.0.0.1:${port}${file}`;
  const payload = [];
  if (extension) payload.push(['extensionDevelopmentPath', remote(extension)]);
  if (tests) payload.push(['extensionTestsPath', remote(tests)]);
  return JSON.stringify(payload);
}

/** Nothing that talks to the network, greets, or moves under the test's feet. */
const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
};

/** Chromium's path: $CHROMIUM, else the usual names on the PATH. */
export async function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of (process.env.PATH ?? '').split(':')) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      const candidate = path.join(folder, name);
      if (await exists(candidate)) return candidate;
    }
  }
  return undefined;
}

/** Launch options for playwright-core's chromium: headless, also as root, silent towards the network. */
export function chromiumOptions(executablePath) {
  return {
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  };
}

async function exists(file) {
  return access(file).then(
    () => true,
    () => false,
  );
}

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Resolves when the server says that it listens; fails when it ends or stays silent. */
async function listening(server, log) {
  const output = [];
  await new Promise((resolve, reject) => {
    const deadline = setTimeout(() => fail('did not start in time'), START_DEADLINE_MS);
    const fail = (why) => {
      clearTimeout(deadline);
      server.kill('SIGKILL');
      reject(new Error(`VS Code server ${why}:\n${output.join('')}`));
    };
    const collect = (chunk) => {
      output.push(String(chunk));
      log(String(chunk).trimEnd());
      if (!output.join('').includes('Extension host agent listening')) return;
      clearTimeout(deadline);
      resolve();
    };
    server.stdout.on('data', collect);
    server.stderr.on('data', (chunk) => log(String(chunk).trimEnd()));
    server.once('error', (error) => fail(error.message));
    server.once('exit', (code) => fail(`ended with ${code}`));
  });
}

/** Ends the server and the extension hosts it started (they share its process group). */
async function stopGroup(server) {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  const signal = (name) => {
    try {
      process.kill(-server.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  signal('SIGTERM');
  const force = setTimeout(() => signal('SIGKILL'), 3000);
  await ended;
  clearTimeout(force);
  signal('SIGKILL');
}
