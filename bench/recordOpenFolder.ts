// Records what a real VS Code asks when it opens a remote folder: writes bench/ops/openFolder.json.
//   node --import tsx bench/recordOpenFolder.ts
// To be run again when VS Code's habits may have changed; needs Chromium, see test/vscode.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'esbuild';
import { openEditor } from '../test/vscode/editor';
import type { RecordedCall } from './ops/recorderExtension';
import type { TracedCall } from './ops/trace';
import { makeProject } from './ops/tree';

/** Without a call for this long the folder is open. */
const QUIET_MS = 5_000;
/** The scheme and the variable of recorderExtension.ts, which can only be loaded by the editor. */
const SCHEME = 'recorded';
const LOG_VARIABLE = 'LIVEMOUNT_RECORDED_CALLS';

/** The extension as a folder that the editor can load. */
async function makeExtension(folder: string): Promise<string> {
  mkdirSync(folder);
  const manifest = {
    name: 'recorder',
    publisher: 'livemount',
    version: '1.0.0',
    engines: { vscode: '^1.96.0' },
    main: './extension.js',
    activationEvents: [`onFileSystem:${SCHEME}`],
    extensionKind: ['workspace'],
  };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  await build({
    entryPoints: [path.join(__dirname, 'ops/recorderExtension.ts')],
    outfile: path.join(folder, 'extension.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['vscode'],
    logLevel: 'warning',
  });
  return folder;
}

/** The calls of the log below (or above) the folder, in the order of their start; times count from the first one. */
function callsIn(log: string, folder: string): TracedCall[] {
  const calls = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordedCall)
    .sort((a, b) => a.start - b.start);
  const first = calls[0]?.start ?? 0;
  const products = new Map<string, string>();
  const since = (time: number) => Math.round((time - first) * 10) / 10;
  return calls.map(({ call, path: place, start, end, recursive }) => ({
    call: call as TracedCall['call'],
    path: neutral(path.posix.relative(folder, place) || '.', products),
    start: since(start),
    ...(end !== undefined && { end: since(end) }),
    ...(recursive !== undefined && { recursive }),
  }));
}

async function record(): Promise<void> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'livemount-recorded-'));
  try {
    const folder = path.join(scratch, 'project');
    const log = path.join(scratch, 'calls');
    makeProject(folder, {
      folders: 3,
      filesPerFolder: 3,
      sourceFiles: 3,
      bigFolder: 0,
      smallFiles: 0,
      large: [],
    });
    await using editor = await openEditor({
      folders: [`${SCHEME}://host${folder}`],
      extension: await makeExtension(path.join(scratch, 'extension')),
      env: { [LOG_VARIABLE]: log },
    });
    await editor.row('README.md').waitFor({ timeout: 120_000 });
    let seen = '';
    for (let quietSince = Date.now(); Date.now() - quietSince < QUIET_MS; await delay(200)) {
      const now = existsSync(log) ? readFileSync(log, 'utf8') : '';
      if (now !== seen) quietSince = Date.now();
      seen = now;
    }
    const lines = callsIn(seen, folder).map((call) => `  ${JSON.stringify(call)}`);
    writeFileSync(path.join(__dirname, 'ops/openFolder.json'), `[\n${lines.join(',\n')}\n]\n`);
    console.log(`${lines.length} calls`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

record().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

/** The folders of other products that an editor looks for, under names that stay the same from one recording to the next. */
function neutral(place: string, products: Map<string, string>): string {
  const [first = '', ...rest] = place.split('/');
  if (!/^\.\w/.test(first) || first === '.vscode') return place;
  if (!products.has(first)) products.set(first, `.product${products.size + 1}`);
  return [
    products.get(first),
    ...rest.map((name) => (path.posix.extname(name) === '' ? 'folder' : name)),
  ].join('/');
}
