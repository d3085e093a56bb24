// `npm run bench [-- NAME [OPTION]...]`: runs bench/NAME.ts, or every benchmark one after another.
// Options go to the benchmark; `--scale quick` makes each of them short, for a look whether it works.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from './packages.mjs';

process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** bench/NAME.ts, in the order in which they run. */
const names = [
  'quick',
  'ops',
  'watch',
  'soak',
  'mounts',
  'connect',
  'interactive',
  'run',
  'sync',
  'kernel',
  'find',
  'mount',
  'git',
].filter((name) => existsSync(`bench/${name}.ts`));
/** What each one drives, and the Debian package of it. */
const needs = {
  quick: [['strace', 'strace']],
  ops: [
    ['sshd', 'openssh-server'],
    ['sshfs', 'sshfs'],
  ],
  mount: [
    ['sshd', 'openssh-server'],
    ['sshfs', 'sshfs'],
    ['git', 'git'],
  ],
  git: [
    ['sshd', 'openssh-server'],
    ['sshfs', 'sshfs'],
    ['git', 'git'],
    ['chromium', 'chromium'],
  ],
  watch: [['sshd', 'openssh-server']],
  connect: [['sshd', 'openssh-server']],
  interactive: [['sshd', 'openssh-server']],
  run: [
    ['sshd', 'openssh-server'],
    ['ssh', 'openssh-client'],
  ],
  find: [
    ['sshd', 'openssh-server'],
    ['rg', 'ripgrep'],
  ],
};
const [first, ...rest] = process.argv.slice(2);
const isName = first !== undefined && !first.startsWith('-');
const wanted = isName ? [first] : names;
const options = isName ? rest : process.argv.slice(2);

const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`there is no benchmark ${unknown.join(', ')}; there are ${names.join(', ')}`);
  process.exit(2);
}
if (!['dist/agent.js', 'dist/cli.js'].every((file) => existsSync(file))) {
  const built = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
  if (built.status !== 0) process.exit(1);
}
let failed = 0;
for (const name of wanted) {
  console.log(`\n== ${name}`);
  const lacking = (needs[name] ?? []).filter(([command]) => findProgram(command) === undefined);
  if (lacking.length > 0) {
    console.error(
      `${name} needs ${lacking.map(([command]) => command).join(' and ')}: apt-get install ${lacking.map(([, from]) => from).join(' ')}`,
    );
    failed++;
    continue;
  }
  const run = spawnSync(process.execPath, ['--import', 'tsx', `bench/${name}.ts`, ...options], {
    stdio: 'inherit',
  });
  if (run.status !== 0) failed++;
}
process.exitCode = failed > 0 ? 1 : 0;
