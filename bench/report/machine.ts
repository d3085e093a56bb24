import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';

/** What a measurement was made on and with, in one sentence. */
export function machineSentence(programs: Readonly<Record<string, readonly string[]>>): string {
  const versions = Object.entries(programs).map(([name, command]) => `${name} ${versionOf(command)}`);
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  const day = new Date().toISOString().slice(0, 10);
  return `Measured on ${day}: ${cpus().length} cores, ${gib} GiB, Linux ${release().replace(/-.*/, '')}, Node.js ${process.versions.node}, ${versions.join(', ')}.`;
}

/** The first version number that a program prints; some print it on standard error. */
function versionOf([program = '', ...args]: readonly string[]): string {
  const output = execFileSync('sh', ['-c', '"$0" "$@" 2>&1 || true', program, ...args], { encoding: 'utf8' });
  return /\d+(?:\.\d+)+\w*/.exec(output)?.[0] ?? '(not installed)';
}
