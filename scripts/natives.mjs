// Fills dist/native/<platform>-<arch>-<libc>/koffi.node: the agent's way to the host's system calls.
//
//   node scripts/natives.mjs          this machine's CPU (all that a build needs)
//   node scripts/natives.mjs --all    every kind of host we serve; the others' packages come from the npm registry
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const CPUS = ['x64', 'arm64'];
/** Folder of koffi's package -> name of the C library. */
const FLAVOURS = { linux: 'glibc', musl: 'musl' };

/** Puts koffi's native modules for these CPUs in place. */
export function fillNatives(cpus) {
  const { version } = JSON.parse(readFileSync('node_modules/koffi/package.json', 'utf8'));
  for (const cpu of cpus) {
    const places = Object.entries(FLAVOURS).map(([build, libc]) => ({
      from: path.join(`${build}_${cpu}`, 'koffi.node'),
      to: path.join('dist/native', `linux-${cpu}-${libc}`, 'koffi.node'),
    }));
    const folder = packageFolder(cpu, version);
    for (const { from, to } of places) {
      mkdirSync(path.dirname(to), { recursive: true });
      // Running agents have the present one mapped: it is replaced, never written to.
      const staged = `${to}.${process.pid}`;
      copyFileSync(path.join(folder, from), staged);
      renameSync(staged, to);
    }
  }
}

/** Koffi's package for a CPU: installed, or from the cache, or fetched into it. */
function packageFolder(cpu, version) {
  const name = `@koromix/koffi-linux-${cpu}`;
  const installed = path.join('node_modules', name);
  if (existsSync(installed)) return installed;
  const cached = path.join('.cache', 'natives', `${cpu}-${version}`);
  if (existsSync(path.join(cached, 'package'))) return path.join(cached, 'package');
  const scratch = mkdtempSync(path.join(tmpdir(), 'livemount-natives-'));
  try {
    execFileSync('npm', ['pack', `${name}@${version}`, '--pack-destination', scratch, '--silent'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [archive] = readdirSync(scratch);
    mkdirSync(cached, { recursive: true });
    execFileSync('tar', ['-xzf', path.join(scratch, archive), '-C', cached]);
    return path.join(cached, 'package');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
  fillNatives(process.argv.includes('--all') ? CPUS : [process.arch]);
}
