// `npm run package`: the VSIX, from what `npm run build` left in dist.
//   npm run package                       one for every platform: artifacts/livemount.vsix
//   npm run package -- --platforms        and one for each platform the stores know: artifacts/livemount-PLATFORM.vsix
// The natives in it are those of the hosts, which have nothing to do with the platform of the window: each file holds all.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVSIX } from '@vscode/vsce';
import { readmeForPage } from './readmeForPage.mjs';

const projectFolder = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(projectFolder);

/** Installing over a slow link should not be felt; the natives of four kinds of host are most of it. */
const MAX_MIB = 6;

const needed = ['dist/extension.js', 'dist/agent.js', 'dist/cli.js'];
const missing = needed.filter((file) => !existsSync(file));
if (missing.length > 0) {
  console.error(`not built: ${missing.join(', ')} (npm run build)`);
  process.exit(1);
}
if (!existsSync('dist/native') || readdirSync('dist/native').length === 0) {
  console.error('dist/native is empty: the agent would have no libc calls on any host (npm run build)');
  process.exit(1);
}

/** What the stores call the platforms of the desktop editor. */
const PLATFORMS = [
  'win32-x64',
  'win32-arm64',
  'linux-x64',
  'linux-arm64',
  'linux-armhf',
  'alpine-x64',
  'alpine-arm64',
  'darwin-x64',
  'darwin-arm64',
];

const words = process.argv.slice(2);
const packagePath = path.resolve(words.find((word) => !word.startsWith('-')) ?? 'artifacts/livemount.vsix');
mkdirSync(path.dirname(packagePath), { recursive: true });
const files = [{ file: packagePath, target: undefined }];
if (words.includes('--platforms')) {
  for (const target of PLATFORMS) {
    files.push({ file: packagePath.replace(/(\.vsix)?$/, `-${target}.vsix`), target });
  }
}
/** What ships; the README as the extension's own page shows it. */
const SHIPPED = [
  '.vscodeignore',
  'package.json',
  'package.nls.json',
  'package.nls.de.json',
  'l10n',
  'CHANGELOG.md',
  'LICENSE',
  ...needed,
  'dist/native',
  'media/icon.png',
  'media/livemount.svg',
  'media/walkthrough',
];
const staging = mkdtempSync(path.join(tmpdir(), 'livemount-package-'));
try {
  for (const file of SHIPPED) cpSync(file, path.join(staging, file), { recursive: true });
  const { repository } = JSON.parse(readFileSync('package.json', 'utf8'));
  const readme = readmeForPage(readFileSync('README.md', 'utf8'), projectFolder, repository.url);
  writeFileSync(path.join(staging, 'README.md'), readme);
  for (const { file, target } of files) {
    await createVSIX({
      cwd: staging,
      packagePath: file,
      target,
      dependencies: false,
      skipLicense: true,
      // readmeForPage has done it.
      rewriteRelativeLinks: false,
    });
  }
} finally {
  rmSync(staging, { recursive: true, force: true });
}
for (const { file } of files) {
  const mib = statSync(file).size / 2 ** 20;
  console.log(`${path.relative(projectFolder, file)}: ${mib.toFixed(1)} MiB`);
  if (mib > MAX_MIB) {
    console.error(`more than ${MAX_MIB} MiB`);
    process.exitCode = 1;
  }
}
