// `npm run package`: the VSIX, from what `npm run build` left in dist.
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVSIX } from '@vscode/vsce';

const projectFolder = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(projectFolder);

/** Installing over a slow link should not be felt; the natives of four kinds of host are most of it. */
const MAX_MIB = 15;

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
await createVSIX({
  cwd: projectFolder,
  packagePath,
  dependencies: false,
  allowMissingRepository: true,
  skipLicense: true,
  // The README’s links lead into this repository, whose address is not part of the package.
  rewriteRelativeLinks: false,
});
const mib = statSync(packagePath).size / 2 ** 20;
console.log(`${path.relative(projectFolder, packagePath)}: ${mib.toFixed(1)} MiB`);
if (mib > MAX_MIB) {
  console.error(`more than ${MAX_MIB} MiB`);
  process.exit(1);
}
