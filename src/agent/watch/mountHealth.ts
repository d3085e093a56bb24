import { readFileSync } from 'node:fs';

/** What mountinfo shows of a filesystem that its kernel has given up; no change of the mount table is reported then. */
const DEAD = /\b(emergency_ro|shutdown)\b/;

/** Whether a mount's filesystem is dead. `mountId` as in mountinfo. */
export function isDead(mountId: number): boolean {
  const table = readFileSync('/proc/self/mountinfo', 'latin1');
  const line = table.split('\n').find((candidate) => candidate.startsWith(`${mountId} `));
  return line !== undefined && DEAD.test(line);
}
