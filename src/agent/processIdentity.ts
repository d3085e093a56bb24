import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Names this boot of the host: 16 bytes. (random(4), /proc/sys/kernel/random/boot_id) */
export function bootId(): Buffer {
  const text = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
  return Buffer.from(text.trim().replaceAll('-', ''), 'hex');
}

/** When a process started, in clock ticks since the boot; undefined if there is none. (proc_pid_stat(5), field 22) */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses, which may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined; // No such process, which is the answer.
  }
}

/**
 * A name for this process that no other has, ever: host, boot, pid and start. It is a file name. Folders it is written
 * to may be on a filesystem that several hosts share.
 */
export function processName(): string {
  return [hostTag(), bootId().toString('hex').slice(0, 16), process.pid, startTime(process.pid)].join('.');
}

/** Whether the process of a name may still be at work; true where that can't be told from here. */
export function mayBeAlive(name: string): boolean {
  const [start, pid, boot, ...host] = name.split('.').reverse();
  if (host.reverse().join('.') !== hostTag()) return true;
  return boot === bootId().toString('hex').slice(0, 16) && startTime(Number(pid)) === start;
}

function hostTag(): string {
  return hostname().replace(/[^A-Za-z0-9-]/g, '') || 'host';
}
