import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';

/** Names this boot of the host, as the kernel writes it; empty where the host does not tell. (random(4)) */
export function bootIdText(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** The same as 16 bytes. */
export function bootId(): Buffer {
  const bytes = Buffer.from(bootIdText().replaceAll('-', ''), 'hex');
  return bytes.length === 16 ? bytes : Buffer.alloc(16);
}

/** When a process started, in clock ticks since the boot; undefined if there is none. (proc_pid_stat(5), field 22) */
export function startTime(pid: number): string | undefined {
  // The second field is the program's name in parentheses, which may hold anything.
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/**
 * A name for this process that no other has, ever: host, boot, pid namespace, pid and start. It is a file name. Folders
 * it is written to may be on a filesystem that several hosts, or containers of one host, share.
 */
export function processName(): string {
  return [hostTag(), boot(), pidNamespace(), process.pid, startTime(process.pid)].join('.');
}

/** Whether the process of a name may still be at work; true where that can't be told from here. */
export function mayBeAlive(name: string): boolean {
  const [start, pid, namespace, onBoot, ...host] = name.split('.').reverse();
  if (host.reverse().join('.') !== hostTag()) return true;
  if (onBoot !== boot()) return false;
  return namespace !== pidNamespace() || startTime(Number(pid)) === start;
}

/**
 * Keeps hosts apart that share a home folder, also those that are all called "localhost": the name, and what the machine
 * was given at its installation or, where it has no such number, its network cards.
 */
export function hostTag(): string {
  const machine = read('/etc/machine-id')?.trim() || cards();
  const digest = createHash('sha256').update(`livemount ${machine}`).digest('hex').slice(0, 8);
  const name = hostname()
    .replace(/[^A-Za-z0-9-]/g, '')
    .slice(0, 20);
  return `${name || 'host'}-${digest}`;
}

function boot(): string {
  return bootIdText().replaceAll('-', '').slice(0, 16);
}

/** Process numbers mean nothing in another container. (pid_namespaces(7)) */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0'; // A kernel without them has one.
  }
}

function cards(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outward = all.filter(({ internal }) => !internal).map(({ mac }) => mac);
  return [...new Set(outward)].sort().join(' ');
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // There is none, which is the answer.
  }
}
