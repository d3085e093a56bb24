import { OpenFlag } from '../../server/ops/openFlags';
import { O } from '../libc/flags';

/** Flags that mean something to the host: [as they travel, as this CPU has them]. */
const translated = [
  [OpenFlag.TRUNC, O.TRUNC],
  [OpenFlag.NONBLOCK, O.NONBLOCK],
  [OpenFlag.DSYNC, OpenFlag.DSYNC],
  [OpenFlag.SYNC, OpenFlag.SYNC],
  [OpenFlag.DIRECTORY, O.DIRECTORY],
  [OpenFlag.EXCL, O.EXCL],
] as const;

/**
 * The host's flags for those of a request. APPEND is left out, as every WRITE says where it goes; NOATIME as it is
 * the owner's to ask; DIRECT as the client's buffers are not ours.
 */
export function openFlagsOf(wire: number): number {
  let flags = wire & OpenFlag.ACCMODE;
  for (const [theirs, ours] of translated) {
    if ((wire & theirs) === theirs) flags |= ours;
  }
  return flags;
}
