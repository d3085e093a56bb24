// `npm run package`: the VSIX, from what `npm run build` left in dist.
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

const packagePath = path.resolve(process.argv[2] ?? 'artifacts/livemount.vsix');
mkdirSync(path.dirname(packagePath), { recursive: true });
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
  await createVSIX({
    cwd: staging,
    packagePath,
    dependencies: false,
    skipLicense: true,
    // readmeForPage has done it.
    rewriteRelativeLinks: false,
  });
} finally {
  rmSync(staging, { recursive: true, force: true });
}
const mib = statSync(packagePath).size / 2 ** 20;
console.log(`${path.relative(projectFolder, packagePath)}: ${mib.toFixed(1)} MiB`);
if (mib > MAX_MIB) {
  console.error(`more than ${MAX_MIB} MiB`);
  process.exit(1);
}
