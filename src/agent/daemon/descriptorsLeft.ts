import { readdirSync, readFileSync } from 'node:fs';

/** How many descriptors this process may still open; 0 where it can't even look. (proc(5)) */
export function descriptorsLeft(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    const soft = /^Max open files +(\S+)/m.exec(limits)?.[1];
    if (soft === undefined || soft === 'unlimited') return Number.POSITIVE_INFINITY;
    return Number(soft) - readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
