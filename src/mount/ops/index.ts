import { directoryHandlers } from './directories';
import { fileHandlers } from './files';
import { lockHandlers } from './locks';
import { lookupHandlers } from './lookup';
import { nameHandlers } from './names';
import type { MountHandlers } from './types';
import { xattrHandlers } from './xattr';

/** What the kernel may ask. What is not here (IOCTL, BMAP, POLL, STATX) is ENOSYS: the kernel does without. */
export const mountHandlers: MountHandlers = {
  ...lookupHandlers,
  ...nameHandlers,
  ...fileHandlers,
  ...directoryHandlers,
  ...xattrHandlers,
  ...lockHandlers,
};
