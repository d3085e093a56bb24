import { readFileSync } from 'node:fs';

/** Of the descriptors of this process, one client may have half: the rest is for the others, for watches and channels. */
const SHARE = 2;
const LEAST = 16;

/** How many files a client may have open at a time. (setrlimit(2), RLIMIT_NOFILE) */
export function handleBudget(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const limit = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : Math.max(LEAST, Math.floor(limit / SHARE));
}
