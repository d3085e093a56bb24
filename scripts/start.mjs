// `npm start`: VS Code on a throwaway SSH host of this machine, whose files change by themselves.
// `npm start -- HOST:/path`: VS Code on a host of your SSH configuration.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tsImport } from 'tsx/esm/api';
import { findProgram } from './packages.mjs';
import { liveSample } from './sample.mjs';
import { developmentPayload, startCodeServer } from './vscode.mjs';

const projectFolder = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** An extension of the trial's own, which opens what is worth looking at. */
const trialFolder = path.join(projectFolder, 'scripts/trial');

/** What to undo at the end, latest first. */
const undo = [];
let ending = false;
async function end(code) {
  if (ending) return;
  ending = true;
  for (const step of undo.reverse()) {
    await Promise.resolve(step()).catch((error) => console.error(`cleaning up: ${error.message}`));
  }
  process.exit(code);
}
process.on('SIGINT', () => end(0));
process.on('SIGTERM', () => end(0));

try {
  await main(process.argv[2]);
} catch (error) {
  console.error(error.message);
  await end(1);
}

async function main(target) {
  const place = target === undefined ? await throwawayHost() : realHost(target);
  const workspace = await workspaceOf(place);
  const settings = {
    'workbench.startupEditor': 'none',
    // Ports of the trial itself, and of whatever else runs here, are nothing to visit.
    'remote.autoForwardPorts': false,
    'files.autoSave': 'off',
    // The throwaway host's agent has no other window to wait for.
    ...(place.configFile && { 'livemount.ssh.configFile': place.configFile, 'livemount.graceTime': 2 }),
  };
  if (findProgram('code')) await openDesktop(workspace, settings);
  else await openBrowser(workspace, settings);
}

function realHost(target) {
  const split = target.indexOf(':/');
  if (split <= 0) throw new Error(`${target}: write HOST:/absolute/path`);
  return { host: target.slice(0, split), folder: target.slice(split + 1) };
}

/** The system's sshd on a port of its own where there is one, else an SSH server inside this process. */
async function throwawayHost() {
  const sample = await liveSample((line) => console.log(line));
  undo.push(() => sample.stop());
  const fixture = findProgram('sshd') ? '../test/fixtures/sshd.ts' : './embeddedHost.mjs';
  const { startSshd } = await tsImport(fixture, import.meta.url);
  const sshd = await startSshd();
  undo.push(() => sshd.dispose());
  sshd.addHost('sample', {});
  console.log(`a throwaway SSH host listens on 127.0.0.1:${sshd.port}; its folder is ${sample.folder}`);
  return { host: 'sample', folder: sample.folder, configFile: sshd.configFile };
}

async function workspaceOf({ host, folder }) {
  const { encodeHost } = await tsImport('../src/extension/authority.ts', import.meta.url);
  const home = await mkdtemp(path.join(tmpdir(), 'livemount-start-'));
  undo.push(() => rm(home, { recursive: true, force: true }));
  const file = path.join(home, 'livemount.code-workspace');
  await writeFile(file, JSON.stringify({ folders: [{ uri: `livemount://${encodeHost(host)}${folder}` }] }));
  return file;
}

/** The desktop VS Code of this machine, with a profile of its own so that yours stays as it is. */
async function openDesktop(workspace, settings) {
  const profile = path.join(path.dirname(workspace), 'profile');
  execFileSync('mkdir', ['-p', path.join(profile, 'User')]);
  await writeFile(path.join(profile, 'User/settings.json'), JSON.stringify(settings));
  console.log('opening VS Code; close its window, or press Ctrl-C here, to end');
  const code = spawn(
    'code',
    [
      `--extensionDevelopmentPath=${projectFolder}`,
      `--extensionDevelopmentPath=${trialFolder}`,
      `--user-data-dir=${profile}`,
      '--new-window',
      '--wait',
      workspace,
    ],
    { stdio: 'inherit' },
  );
  undo.push(() => code.kill());
  code.once('exit', (status) => end(status ?? 0));
}

/** The trial's own extension as a file: a window in a browser takes one folder of an extension that is developed, not two. */
async function trialVsix(folder) {
  const packagePath = path.join(folder, 'trial.vsix');
  // Its own program, as it prints what nobody here wants to read.
  const vsce = path.join(projectFolder, 'node_modules/@vscode/vsce/vsce');
  const options = ['--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', packagePath];
  execFileSync(process.execPath, [vsce, 'package', ...options], { cwd: trialFolder, stdio: 'pipe' });
  return packagePath;
}

/** VS Code's own server and workbench in a browser. */
async function openBrowser(workspace, settings) {
  console.log('no `code` on the PATH: VS Code opens in a browser');
  const server = await startCodeServer({
    settings,
    extensions: [await trialVsix(path.dirname(workspace))],
    log: process.env.LIVEMOUNT_VERBOSE ? console.log : undefined,
  });
  undo.push(() => server.stop());
  const payload = developmentPayload(server.port, { extension: projectFolder });
  const url = server.url({ workspace, payload });
  console.log(`\nopen this address in a browser of this machine:\n\n  ${url}\n`);
  console.log(
    'On the right a log grows, on the left files come and go in `visitors`: programs of the host do that.',
  );
  console.log('press Ctrl-C to end');
  const display = process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY;
  if (display && findProgram('xdg-open'))
    spawn('xdg-open', [url], { stdio: 'ignore', detached: true }).unref();
}
