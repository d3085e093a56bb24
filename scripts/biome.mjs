// Runs Biome (lint, format) from the package of this CPU. Its usual front package wants all ten platforms' packages
// in the lock file; we are developed on Linux, and `npm ci` must work from every mirror.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const program = `node_modules/@biomejs/cli-linux-${process.arch}/biome`;
if (!existsSync(program)) {
  console.error(`there is no ${program}: lint and format run on Linux x64 and arm64, after npm ci`);
  process.exit(1);
}
process.exit(spawnSync(program, process.argv.slice(2), { stdio: 'inherit' }).status ?? 1);
