import { ErrnoError } from '../../../protocol/errno';
import type { Seen } from '../arming/backend';

/** What stands for an object that can't be looked at: it is left as it is known. */
const UNSEEN: Seen = {
  ino: 0,
  mode: 0,
  version: { ino: 0n, size: 0n, mtime_ns: 0n, ctime_ns: 0n },
  stamp: 0,
  isElsewhere: true,
};

/** Turns a look's failure into UNSEEN; anything but an ErrnoError is a bug and goes on. */
export function unseen(error: unknown): Seen {
  if (error instanceof ErrnoError) return UNSEEN;
  throw error;
}
