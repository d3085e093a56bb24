import { readFileSync } from 'node:fs';
import { childrenOf } from '../../test/fixtures/processes';

/** USER_HZ of Linux, the unit of times in /proc/PID/stat. */
const TICKS_PER_S = 100;

/** Processor time of a process so far, in seconds; 0 if it has ended. (proc_pid_stat(5), fields 14 and 15) */
export function cpuSeconds(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_S;
}

/** Memory of a process that it shares with nobody, in MiB. (proc_pid_smaps_rollup, Private_*) */
export function privateMiB(pid: number): number {
  const rollup = read(`/proc/${pid}/smaps_rollup`);
  const kib = [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)].map((match) => Number(match[1]));
  return kib.reduce((sum, value) => sum + value, 0) / 1024;
}

/** A process and all that descends from it. */
export function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // It has ended.
  }
}
