import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { FoundWatch } from '../kernel/threadProtocol';

const WATCHERS: ReadonlySet<string> = new Set(['anon_inode:inotify', 'anon_inode:[fanotify]']);
/** A line of proc(5) fdinfo. An inotify watch names inode, superblock and mask, all in hexadecimal; so does a fanotify mark. */
const WATCH =
  /^(?:inotify wd:\S+|fanotify) ino:([0-9a-f]+) sdev:([0-9a-f]+) (?:mflags:\S+ )?mask:([0-9a-f]+)/gm;

/**
 * The watches of all processes that may be looked at (a user's own) on superblocks with the given device numbers. What
 * is watched is pinned by its watch, so there are no more of them than watches.
 */
export function findWatches(devices: readonly number[]): FoundWatch[] {
  const found: FoundWatch[] = [];
  const own = String(process.pid);
  for (const pid of quietly(() => readdirSync('/proc')) ?? []) {
    if (!isNumber(pid) || pid === own) continue;
    for (const fd of quietly(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
      const target = quietly(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
      if (target === undefined || !WATCHERS.has(target)) continue;
      const text = quietly(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')) ?? '';
      for (const [, ino = '0', device = '0', mask = '0'] of text.matchAll(WATCH)) {
        const where = Number.parseInt(device, 16);
        if (!devices.includes(where)) continue;
        found.push({ device: where, ino: BigInt(`0x${ino}`), mask: Number.parseInt(mask, 16) });
      }
    }
  }
  return found;
}

function isNumber(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= 0x30 && first <= 0x39;
}

/** Processes end and descriptors close while they are looked at, and some are not ours to look at. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
